import Testing

@testable import Checkpoints

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A pickle is a program. Nothing that it names is called, imported or made: what runs programs is refused by name, what is
/// not known is kept as a name.
///
/// Scalars stand for bytes: Python's `pickletools` names them.
@Suite struct RefusedPicklesTests {
    private static func text(_ text: String) -> String {
        "X\(Unicode.Scalar(UInt8(text.utf8.count)))\u{0}\u{0}\u{0}\(text)"
    }
    private static let dictionary = "ccollections\nOrderedDict\n"

    private func refusal(_ pickle: String) -> String {
        let bytes = pickle.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        do {
            _ = try bytes.withUnsafeBytes { try Unpickler.read($0, file: 1 << 20) }
            return ""
        } catch { return (error as? Unpickler.Fault)?.message ?? "\(error)" }
    }

    @Test(
        "a name of what runs programs is refused where it stands, called or not",
        arguments: [
            "cposix\nsystem\n.",  // GLOBAL
            "cposix\nsystem\n(\(text("true"))tR.",  // REDUCE
            "cposix\nsystem\n)\u{81}.",  // NEWOBJ
            "cposix\nsystem\n)}\u{92}.",  // NEWOBJ_EX
            "(cposix\nsystem\n\(text("true"))o.",  // OBJ
            "(\(text("true"))iposix\nsystem\n.",  // INST
            "\(text("posix"))\(text("system"))\u{93}.",  // STACK_GLOBAL
            "\u{8C}\u{5}posix\u{8C}\u{6}system\u{93}.",
            "\(text("posix"))q\u{0}\(text("system"))q\u{1}00h\u{0}h\u{1}\u{93}.",  // by way of the memo
            "\(text("posix"))\u{94}\(text("system"))\u{94}00j\u{0}\u{0}\u{0}\u{0}j\u{1}\u{0}\u{0}\u{0}\u{93}.",
            "\(text("system"))\(text("posix"))2r\u{9}\u{0}\u{0}\u{0}00j\u{9}\u{0}\u{0}\u{0}\(text("system"))\u{93}.",
            "}\(text("a"))cposix\nsystem\ns.",  // as a value
            "}cposix\nsystem\nNs.",  // as a key
            "]((((cposix\nsystem\ntttta.",  // deep inside
            "Ncposix\nsystem\n0.",  // thrown away at once
            "(cposix\nsystem\n1N.",
            "\(dictionary))R}\(text("__reduce__"))cposix\nsystem\nsb.",  // as an attribute
            "ctorch._utils\n_rebuild_tensor_v2\n(cposix\nsystem\ntR.",  // as an argument of what is known
            "ctorch.jit._pickle\nrestore_type_tag\n(cposix\nsystem\ntR.",
            "(\(text("storage"))cposix\nsystem\ntQ.",  // as a storage
            "\u{80}\u{4}\u{95}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}cposix\nsystem\n.",
        ])
    func names(pickle: String) {
        #expect(refusal(pickle) == "the pickle wants to call posix.system; only tensors and containers are read")
    }

    @Test(
        "names that look like those of tensors are others",
        arguments: [
            ("builtins", "eval"), ("builtins", "exec"), ("__builtin__", "execfile"), ("os", "system"), ("nt", "system"),
            ("builtins", "__import__"), ("builtins", "open"), ("builtins", "eval.__call__"), ("sys", "modules"),
            ("shutil", "rmtree"), ("socket", "socket"), ("ctypes", "CDLL"), ("os.path", "os.system"),
            ("_pickle", "loads"),
            ("requests.api", "get"), ("urllib.request", "urlopen"), ("webbrowser", "open"), ("pty", "spawn"),
            ("asyncio.unix_events", "_UnixSubprocessTransport"), ("numpy.testing._private.utils", "runstring"),
            ("types", "FunctionType"), ("__main__", "os.system"), ("argparse", "Namespace.__init__.__globals__"),
            ("subprocess", "Popen"), ("importlib", "import_module"), ("torch", "load"), ("torch", "os.system"),
            ("torch.serialization", "load"), ("torch.storage", "_load_from_bytes"), ("torch.hub", "load"),
            ("torch._utils", "_rebuild_tensor_v2.__globals__"), ("torch.jit", "load"), ("torch.jit._pickle", "eval"),
            ("collections", "OrderedDict.__init__"), ("operator", "methodcaller"), ("pickle", "loads"), ("", ""),
            ("torch ", "Size"), ("torch", "Size "), ("", "system"), ("argparse", ""),
        ])
    func lookalikes(module: String, name: String) {
        let call = "the pickle wants to call \(module).\(name); only tensors and containers are read"
        #expect(refusal("c\(module)\n\(name)\n)R.") == call)
        #expect(refusal("\(Self.text(module))\(Self.text(name))\u{93}.") == call)
    }

    @Test(
        "opcodes that make objects, or ask a registry for them, are refused by their names",
        arguments: [
            ("\u{82}\u{1}.", "EXT1"), ("\u{83}\u{1}\u{0}.", "EXT2"), ("\u{84}\u{1}\u{0}\u{0}\u{0}.", "EXT4"),
            ("Pid\n.", "PERSID"), ("(\(dictionary)o.", "OBJ"),
            ("\u{97}.", "NEXT_BUFFER"), ("\u{98}.", "READONLY_BUFFER"),
        ])
    func opcodes(pickle: String, name: String) {
        #expect(refusal(pickle) == "the pickle wants to run code with \(name); only tensors and containers are read")
    }

    @Test(
        "what is known is not called with what it does not take, and nothing else is called",
        arguments: [
            ("\(dictionary)(NtR.", "an OrderedDict is made from something"),
            ("\(dictionary))\u{81}.", "the pickle wants to make an object"),
            ("\(dictionary))}\u{92}.", "the pickle wants to make an object"),
            ("ctorch\nFloatStorage\n)\u{81}.", "the pickle wants to make an object"),
            ("ctorch\nTensor\n)R.", "the pickle calls a type"),
            ("c__main__\nA\n}b.", "wants to change what is no object"),
            ("ctorch._utils\n_rebuild_tensor_v3\n)R.", "a tensor is not described by"),
            ("ctorch._tensor\n_rebuild_from_type_v2\n(NN)}tR.", "is not described by a function"),
            ("\(dictionary)(]NatR.", "an OrderedDict is made from something"),
            ("(icollections\nOrderedDict\n.", "in a way that torch.save does not use"),
            ("ctorch\nFloatStorage\n)R.", "the pickle calls a type"),
            ("ctorch\nfloat32\n)R.", "the pickle calls a type"),
            ("c__torch__.os\nsystem\n)R.", "the pickle calls a type"),
            ("N)R.", "wants to call what is no name"), ("\(text("posix.system")))R.", "wants to call what is no name"),
            ("ctorch._utils\n_rebuild_tensor_v2\n(NK\u{0}))tR.", "a tensor is not described by"),
            ("ctorch._utils\n_rebuild_parameter\n(NtR.", "a parameter is no tensor"),
            ("NNb.", "wants to change what is no object"), ("ctorch\nSize\n}b.", "wants to change what is no object"),
            ("NQ.", "a storage is not named by a tuple"), ("NN\u{93}.", "a name is no text"),
            ("c__torch__\nM\n)\u{81}}bNb.", "an object is built twice"),
        ])
    func known(pickle: String, message: String) {
        #expect(refusal(pickle).contains(message), "\(refusal(pickle))")
    }

    @Test(
        "what is not known is a name, whatever is done with it",
        arguments: [
            ("__main__", "Model"), ("argparse", "Namespace"), ("numpy.core.multiarray", "scalar"),
            ("numpy._core.multiarray", "_reconstruct"), ("_codecs", "encode"), ("copyreg", "_reconstructor"),
            ("functools", "partial"), ("operator", "attrgetter"), ("builtins", "getattr"), ("__builtin__", "set"),
            ("pathlib", "PosixPath"), ("__torch__x", "Module"), ("torch", "device"), ("os", "stat_result"),
        ])
    func inert(module: String, name: String) throws {
        let name = (module, name)
        for global in ["c\(name.0)\n\(name.1)\n", "\(Self.text(name.0))\(Self.text(name.1))\u{93}"] {
            for use in [
                ")R", ")\u{81}", ")}\u{92}", "(NNtR", ")R}b", ")RNb", ")R(NNNNu", ")R(NNe",
                ")RNa", ")RNNs", ")R)R", ")R)\u{81}", ")R)}\u{92}}b",
            ] {
                let bytes = (global + use + ".").unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
                let read = try bytes.withUnsafeBytes { try Unpickler.read($0, file: 1 << 20) }
                guard case .inert(let place) = read.root else {
                    Issue.record("\(name) \(use): \(read.root)")
                    continue
                }
                #expect(read.memory.names[place] == "\(name.0).\(name.1)")
            }
        }
    }

    @Test("names beyond some thousands are not kept")
    func manyNames() throws {
        let names = (0..<10_000).map { "c__main__\nA\($0)\n)R0" }.joined() + "c__main__\nlast\n)R."
        let read = try Array(names.utf8).withUnsafeBytes { try Unpickler.read($0, file: 1 << 30) }
        #expect(read.memory.names.count == 4096)
    }

    @Test("an OrderedDict of Python 2 is made from pairs")
    func pairs() throws {
        let pickle = "\(Self.dictionary)(](]\(Self.text("a"))aK\u{1}a](\(Self.text("b"))K\u{2}eetR."
        let bytes = pickle.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        let read = try bytes.withUnsafeBytes { try Unpickler.read($0, file: 1 << 20) }
        guard case .dictionary(let place) = read.root, case .integer(2)? = read.memory.containers[place].last else {
            Issue.record("\(read.root)")
            return
        }
        #expect(read.memory.containers[place].count == 4)
    }

    @Test("the attributes of an object, whatever __setstate__ would do with them, are only kept")
    func states() {
        for state in ["N", "K\u{1}", "(NNt", "}\(Self.text("__class__"))\(Self.text("posix.system"))s"] {
            #expect(refusal("c__torch__\nM\n)\u{81}\(state)b.") == "")
            #expect(refusal("\(Self.dictionary))R\(state)b.") == "")
        }
        #expect(refusal("N.cposix\nsystem\n)R.") == "")  // what follows the end is not read
    }

    @Test("characters that would play with a terminal do not reach the message")
    func printable() {
        #expect(refusal("cpo\u{1B}[2Jsix\nsystem\n.").contains("call po?[2Jsix.system"))
        #expect(refusal("cos.\(String(repeating: "x", count: 500))\nsystem\n.").utf8.count < 200)
    }
}
