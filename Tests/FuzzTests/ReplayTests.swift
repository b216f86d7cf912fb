import FuzzTargets
import TestSupport
import Testing

/// What fuzzing came upon, in every configuration in which the tests run.
@Suite struct ReplayTests {
    @Test("every file of the corpora is read or refused as it must be", arguments: FuzzTarget.all.map(\.name))
    func corpus(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let corpus = "\(repositoryRoot)/Tests/Fuzz/Corpora/\(name)"
        let files = names(in: corpus)
        #expect(files.count > 2, "\(corpus) holds too little")
        try withTemporaryFolder { folder in
            for file in files {
                let bytes = try contents(of: "\(corpus)/\(file)")
                #expect(throws: Never.self, "\(corpus)/\(file)") { try target.check(bytes, folder) }
            }
        }
    }

    @Test("every corpus has a target, and all are small enough to be kept")
    func corpora() throws {
        let root = "\(repositoryRoot)/Tests/Fuzz/Corpora"
        #expect(names(in: root) == FuzzTarget.all.map(\.name).sorted())
        var total = 0
        for corpus in names(in: root) {
            for file in names(in: "\(root)/\(corpus)") { total += try contents(of: "\(root)/\(corpus)/\(file)").count }
        }
        #expect(total < 2 << 20)
    }
}
