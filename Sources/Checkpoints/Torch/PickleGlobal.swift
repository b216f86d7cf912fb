/// A function or class that a pickle names. None of them is ever looked up or called: those known stand for something that
/// the reader builds, the others are only names.
enum PickleGlobal {
    case orderedDictionary
    /// Python's `collections.defaultdict`, a dictionary that is made with a function.
    case defaultDictionary
    case storage(TorchElement)
    case untypedStorage
    case rebuildTensor
    /// A tensor whose element type stands beside its storage.
    case rebuildTypedTensor
    case rebuildParameter
    /// A tensor with attributes, or of a class of its own.
    case rebuildFromType
    /// `torch.Tensor` or `torch.nn.Parameter`.
    case tensorClass
    case size
    /// TorchScript's marks around lists and values with a type: their first argument is the value.
    case passThrough
    case elementType
    /// A class of TorchScript, which is attributes here.
    case scriptClass
    /// Any other, by its place in `PickleMemory.names`.
    case other(Int)

    /// nil where the name is none of those known.
    init?(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("collections", "defaultdict"): self = .defaultDictionary
        case ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTypedTensor
        case ("torch._utils", "_rebuild_parameter"), ("torch._utils", "_rebuild_parameter_with_state"):
            self = .rebuildParameter
        case ("torch._tensor", "_rebuild_from_type_v2"): self = .rebuildFromType
        case ("torch", "Tensor"), ("torch.nn.parameter", "Parameter"): self = .tensorClass
        case ("torch", "Size"): self = .size
        case ("torch.storage", "UntypedStorage"), ("torch", "UntypedStorage"): self = .untypedStorage
        case ("torch.jit._pickle", "build_intlist"), ("torch.jit._pickle", "build_tensorlist"),
            ("torch.jit._pickle", "build_doublelist"), ("torch.jit._pickle", "build_boollist"),
            ("torch.jit._pickle", "restore_type_tag"):
            self = .passThrough
        case ("torch", "float32"), ("torch", "float16"), ("torch", "bfloat16"), ("torch", "float64"),
            ("torch", "int64"), ("torch", "int32"), ("torch", "int16"), ("torch", "int8"), ("torch", "uint8"),
            ("torch", "bool"):
            self = .elementType
        default:
            if module == "torch", let element = TorchElement(rawValue: name) {
                self = .storage(element)
            } else if module == "__torch__" || module.hasPrefix("__torch__.") {
                self = .scriptClass
            } else {
                return nil
            }
        }
    }

    /// Whether a name is of a function that runs programs, opens files or loads code. Nothing is called, whatever a pickle
    /// names; but no checkpoint names these, and whoever loads such a file elsewhere does what somebody else wants.
    static func isHarmful(module: String, name: String) -> Bool {
        func isName(_ text: String) -> Bool {
            !text.isEmpty
                && !text.unicodeScalars.contains { $0.properties.isWhitespace || $0.value < 0x20 || $0.value == 0x7F }
        }
        guard isName(module), isName(name) else { return true }  // Python writes no such names
        // `os.system` as a name in another module reaches what that module imported.
        let names = name.split(separator: ".").map(String.init)
        let isBuiltin = module == "builtins" || module == "__builtin__" || module == "__builtins__"
        if isBuiltin, names.contains(where: harmfulBuiltins.contains) { return true }
        if harmfulModules.contains(where: { module == $0 || module.hasPrefix($0 + ".") }) {
            return !name.hasSuffix("_result")  // of os.stat
        }
        if names.dropLast().contains(where: harmfulModules.contains) { return true }
        if names.contains("__globals__") || names.contains("__init__") || names.contains("__builtins__") { return true }
        return harmfulFunctions.contains("\(module).\(name)")
    }

    private static let harmfulBuiltins: Set<String> = [
        "eval", "exec", "execfile", "compile", "__import__", "open", "file", "input", "breakpoint", "apply", "reload",
        "globals", "locals", "vars", "setattr", "delattr",
    ]

    private static let harmfulModules: Set<String> = [
        "os", "posix", "nt", "subprocess", "sys", "shutil", "pty", "commands", "popen2", "runpy", "importlib", "imp",
        "codeop", "ctypes", "_ctypes", "cffi", "socket", "pdb", "bdb", "timeit", "webbrowser", "pip", "pickle",
        "_pickle",
        "cPickle", "marshal", "urllib.request", "urllib2", "http.client", "httplib", "ftplib", "smtplib", "requests",
        "aiohttp", "asyncio", "zipimport", "pkgutil",
    ]

    private static let harmfulFunctions: Set<String> = [
        "torch.load", "torch.serialization.load", "torch.storage._load_from_bytes", "torch.jit.load",
        "torch.jit._serialization.load", "torch.hub.load", "torch.hub.download_url_to_file",
        "torch.utils.cpp_extension.load", "torch.utils.cpp_extension.load_inline", "torch.package.PackageImporter",
        "torch.jit._pickle.eval", "numpy.load", "numpy.core.records.fromfile", "numpy.fromfile",
        "numpy.testing._private.utils.runstring", "numpy.f2py.crackfortran.myeval", "numpy.f2py.diagnose.run_command",
        "joblib.load", "pandas.read_pickle", "pandas.io.pickle.read_pickle", "dill.loads", "dill._dill.loads",
        "cloudpickle.loads", "io.open", "_io.open", "_io.FileIO", "io.FileIO", "types.FunctionType", "types.CodeType",
        "distutils.file_util.copy_file", "distutils.spawn.spawn", "operator.methodcaller",
        "code.interact", "code.InteractiveInterpreter", "code.InteractiveConsole", "pydoc.pipepager", "cProfile.run",
        "profile.run", "trace.Trace",
    ]
}
