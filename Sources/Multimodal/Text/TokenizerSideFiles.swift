public import YAML

/// What the files beside a tokenizer of huggingface/transformers say: which spellings begin, end and fill a text, and which
/// are found in it before it is split.
///
/// Read as AutoTokenizer of transformers 5.24 does (tokenization_utils_base.py, `_from_pretrained`): where
/// `tokenizer_config.json` has `added_tokens_decoder`, it says everything. Otherwise `special_tokens_map.json` goes before it,
/// and `added_tokens.json` and the `added_tokens` of `tokenizer.json` say what is found in a text.
public struct TokenizerSideFiles: Sendable {
    /// Where the files are; nil for those that there are not.
    public struct Paths: Sendable {
        public var config: String?
        public var specialTokensMap: String?
        public var addedTokens: String?

        public init(config: String? = nil, specialTokensMap: String? = nil, addedTokens: String? = nil) {
            self.config = config
            self.specialTokensMap = specialTokensMap
            self.addedTokens = addedTokens
        }

        public var isEmpty: Bool { config == nil && specialTokensMap == nil && addedTokens == nil }
    }

    /// A token that has a part to play, by transformers' names.
    public enum Role: String, Sendable, CaseIterable {
        case start = "bos_token"
        case end = "eos_token"
        case unknown = "unk_token"
        case separator = "sep_token"
        case pad = "pad_token"
        case first = "cls_token"
        case mask = "mask_token"
    }

    private struct Listed: Sendable {
        /// Its id is to be found.
        var token: AddedTokens.Token
        /// The id that a file gives it.
        var id: Int?
        var place: JSONValue?
        var saysFlags: Bool { id != nil || place?.isObject ?? false }
    }

    private var roles: [Role: Listed] = [:]
    private var listed: [Listed] = []
    private var extras: [Listed] = []

    /// - Parameters:
    ///   - tokenizer: the root of `tokenizer.json`, if there is one.
    ///   - defaults: the spellings that hold where no file says otherwise.
    public init(_ paths: Paths, tokenizer: JSONValue? = nil, defaults: [Role: String]) throws {
        for (role, spelling) in defaults { roles[role] = Listed(token: AddedTokens.Token(spelling, id: -1)) }
        let config = try paths.config.map { try JSONDocument(contentsOf: $0).root }
        if let config { try readRoles(config, isSpecial: false) }
        var hasExtras = false
        if let config { hasExtras = try readExtras(config) }
        if let decoder = try config?.written("added_tokens_decoder") {
            for (name, value) in try decoder.members() {
                guard let id = Int(try name.string()) else {
                    throw name.error("an id is expected here", remedy: "fetch the file again")
                }
                list(Listed(token: try Self.token(value, isSpecial: false), id: id, place: name))
            }
        } else {
            if let path = paths.specialTokensMap {
                let map = try JSONDocument(contentsOf: path).root
                try readRoles(map, isSpecial: true)
                if !hasExtras { hasExtras = try readExtras(map) }
            }
            if let path = paths.addedTokens {
                let special = Set((Array(roles.values) + extras).map(\.token.content))
                for (name, value) in try JSONDocument(contentsOf: path).root.members() {
                    var token = AddedTokens.Token(try name.string(), id: -1)
                    token.isNormalized = !special.contains(token.content)
                    list(Listed(token: token, id: try value.int(in: 0...1 << 24), place: name))
                }
            }
            if let added = try tokenizer?.written("added_tokens") {
                for (token, entry) in zip(try AddedTokens.tokens(added), try added.elements()) {
                    list(Listed(token: token, id: Int(token.id), place: entry))
                }
            }
        }
        listed.sort { $0.id ?? 0 < $1.id ?? 0 }
        for (role, token) in roles {
            if let known = listed.first(where: { $0.token.content == token.token.content }) {
                roles[role]?.token = known.token
            }
        }
    }

    /// How a role's token is spelled; nil where there is none.
    public func spelling(_ role: Role) -> String? { roles[role]?.token.content }

    /// Whether a file says how a token is found, not only that it is there.
    public func saysFlags(_ spelling: String) -> Bool {
        (listed + Array(roles.values) + extras).contains { $0.token.content == spelling && $0.saysFlags }
    }

    /// An error at the place where a role's token is named.
    public func error(_ role: Role, _ message: String, file: String, remedy: String) -> YAMLError {
        roles[role]?.place?.error(message, remedy: remedy) ?? SettingFile.error(file, message, remedy: remedy)
    }

    /// All tokens that are found in a text, with their ids: those that the vocabulary has, and for others the next that are
    /// free, as huggingface/tokenizers gives them whatever a file says. Where a file says another, it is refused: programs
    /// differ there.
    /// - Parameters:
    ///   - count: how many ids the vocabulary has.
    ///   - vocabulary: the id of a spelling.
    public func tokens(count: Int, vocabulary: (String) -> Int32?) throws(YAMLError) -> [AddedTokens.Token] {
        var result: [AddedTokens.Token] = []
        var seen: Set<String> = []
        var next = count
        for entry in listed + Role.allCases.compactMap({ roles[$0] }) + extras {
            guard !entry.token.content.isEmpty, seen.insert(entry.token.content).inserted else { continue }
            var token = entry.token
            token.id = vocabulary(token.content) ?? Int32(clamping: next)
            next = max(next, Int(token.id) + 1)
            if let id = entry.id, id != Int(token.id) {
                let message = "'\(token.content)' has the id \(id) here, and \(token.id) by the vocabulary"
                let remedy = "give it that id, and the embedding that belongs to it"
                throw entry.place?.error(message, remedy: remedy) ?? SettingFile.error("", message, remedy: remedy)
            }
            result.append(token)
        }
        return result
    }

    // MARK: - Reading

    /// Adds a token, or puts it in the place of the one that has its id.
    private mutating func list(_ token: Listed) {
        if let index = listed.firstIndex(where: { $0.id == token.id }) {
            listed[index] = token
        } else {
            listed.append(token)
        }
    }

    private mutating func readRoles(_ object: JSONValue, isSpecial: Bool) throws {
        for role in Role.allCases {
            guard let value = try object.member(role.rawValue) else { continue }
            roles[role] =
                value.isNull
                ? nil : Listed(token: try Self.token(value, isSpecial: isSpecial), place: value)
        }
    }

    /// Tokens without a part to play: a list, or an object of names. True where there is such a key.
    private mutating func readExtras(_ object: JSONValue) throws -> Bool {
        let newer = try object.written("extra_special_tokens")
        let isEmpty =
            try newer.map { try $0.isObject ? Array($0.members()).isEmpty : Array($0.elements()).isEmpty } ?? true
        guard let value = try isEmpty ? object.written("additional_special_tokens") ?? newer : newer else {
            return false
        }
        for entry in try value.isObject ? value.members().map(\.value) : Array(value.elements()) {
            extras.append(Listed(token: try Self.token(entry, isSpecial: true), place: entry))
        }
        return true
    }

    /// A string, or an object with the token's flags.
    private static func token(_ value: JSONValue, isSpecial: Bool) throws -> AddedTokens.Token {
        guard value.isObject else { return AddedTokens.Token(try value.string(), id: -1) }
        guard let content = try value.member("content") else {
            throw value.error("a token needs 'content'", remedy: "fetch the file again")
        }
        for (name, _) in try value.members() {
            let known = ["__type", "content", "id", "lstrip", "normalized", "rstrip", "single_word", "special"]
            guard known.contains(try name.string()) else {
                throw name.error("'\(try name.string())' is no key of a token", remedy: "remove it")
            }
        }
        var token = AddedTokens.Token(try content.string(), id: -1)
        token.isSingleWord = try value.member("single_word")?.bool() ?? false
        token.stripsLeft = try value.member("lstrip")?.bool() ?? false
        token.stripsRight = try value.member("rstrip")?.bool() ?? false
        let special = try isSpecial || value.member("special")?.bool() ?? false
        token.isNormalized = try value.written("normalized")?.bool() ?? !special
        return token
    }
}

extension JSONValue {
    /// The member of an object; nil where there is none, or null.
    public func written(_ name: String) throws(YAMLError) -> JSONValue? {
        guard let value = try member(name), !value.isNull else { return nil }
        return value
    }
}
