import Imaging
import TestSupport
import Testing
import YAML

@testable import Checkpoints

@Suite struct PublishedModelsTests {
    @Test("there are at least 60 models, of one name and one repository each, of every family")
    func table() throws {
        let models = try PublishedModels.all()
        #expect(models.count >= 60)
        #expect(Set(models.map(\.name)).count == models.count)
        let repositories = models.flatMap(\.repositories)
        #expect(Set(repositories.map { $0.lowercased() }).count == repositories.count)
        for family in [
            "OpenAI", "LAION", "DataComp", "CommonPool", "MetaCLIP", "DFN", "SigLIP", "SigLIP 2", "MobileCLIP",
        ] {
            #expect(models.contains { $0.family == family }, "\(family)")
        }
        for model in models {
            #expect(model.files.contains { $0.hasSuffix(".safetensors") })
            #expect(model.transform.squareSize == model.imageSize, "\(model.name)")
        }
    }

    @Test("sizes are those of the architecture that the name says")
    func plausible() throws {
        // Width of the space of each architecture: openai/CLIP and open_clip's model_configs, SigLIP's papers.
        let widths = [
            "RN50": 1024, "RN101": 512, "RN50x4": 640, "RN50x16": 768, "RN50x64": 1024, "ViT-B": 512, "ViT-L": 768,
            "ViT-H": 1024, "ViT-g": 1024, "ViT-bigG": 1280, "SigLIP-B": 768, "SigLIP-L": 1024, "SigLIP-SO400M": 1152,
            "SigLIP-gopt": 1536, "MobileCLIP2": 768,
        ]
        for model in try PublishedModels.all() {
            let architecture = String(model.name.prefix { $0 != ":" })
            let parts = architecture.split(separator: "-")
            let isSigLIP = architecture.contains("SigLIP")
            let key = parts[0] == "ViT" ? (isSigLIP ? "SigLIP-" : "ViT-") + parts[1] : String(parts[0])
            let width = architecture == "ViT-B-16-plus-240" ? 640 : widths[key]
            #expect(model.embedding == width, "\(model.name)")
            #expect(model.contextLength == (isSigLIP ? architecture == "ViT-SO400M-14-SigLIP" ? 16 : 64 : 77))
            #expect(model.tokenizer == (isSigLIP ? "sentencepiece" : "bpe"))
            #expect((model.activation.image == nil) == architecture.hasPrefix("RN"))
            if let size = parts.last.flatMap({ Int($0) }), size >= 200 {
                #expect(model.imageSize == size, "\(model.name)")
            }
            if parts[0] == "ViT", let patch = Int(parts[2]), patch == 16 || patch == 32 {
                #expect(model.imageSize.isMultiple(of: patch), "\(model.name)")
            }
        }
    }

    @Test("every accuracy is a percentage with a source, and all but one model have one")
    func accuracies() throws {
        let models = try PublishedModels.all()
        for accuracy in models.compactMap(\.accuracy) {
            #expect((1...90).contains(accuracy.percent) && !accuracy.source.isEmpty)
        }
        #expect(models.filter { $0.accuracy == nil }.map(\.name) == ["ViT-SO400M-16-SigLIP-i18n-256:webli"])
    }

    @Test("facts that others got wrong: activation, mean, resizing (open_clip's pretrained.py)")
    func facts() throws {
        func model(_ name: String) throws -> PublishedModel { try #require(try PublishedModels.find(name)) }
        #expect(try model("ViT-B-32:openai").activation == .init(image: "quick_gelu", text: "quick_gelu"))
        #expect(try model("ViT-B-32:laion400m_e32").activation.text == "quick_gelu")
        #expect(try model("ViT-B-16:laion400m_e32").activation.text == "gelu")
        #expect(try model("ViT-B-32:laion2b_s34b_b79k").activation.image == "gelu")
        #expect(try model("ViT-L-14:laion2b_s32b_b82k").transform.mean == [0.5, 0.5, 0.5])
        #expect(try model("ViT-L-14:datacomp_xl_s13b_b90k").transform.mean[0] == 0.48145466)
        #expect(try model("ViT-H-14-378:dfn5b").transform.resizeMode == .squash)
        #expect(try model("ViT-B-16:dfn2b").transform.resizeMode == .shortest)
        #expect(try model("ViT-B-16-SigLIP:webli").accuracy?.percent == 76.04)
        #expect(try model("ViT-B-32:openai").accuracy?.percent == 63.32)
    }

    @Test(
        "a name is found in each way of writing it",
        arguments: [
            "ViT-B-32:openai", "ViT-B-32/openai", "vit-b-32:OpenAI", "ViT-B-32-quickgelu:openai",
            "ViT-B-32-quickgelu/openai",
        ])
    func find(name: String) throws {
        #expect(try PublishedModels.find(name)?.name == "ViT-B-32:openai")
    }

    @Test("a repository is found by its name, its mirror, in any letter case; what is not published is not found")
    func repositories() throws {
        #expect(try PublishedModels.find(repository: "openai/clip-vit-base-patch32")?.name == "ViT-B-32:openai")
        #expect(
            try PublishedModels.find(repository: "LAION/clip-vit-h-14-laion2b-s32b-b79k")?.name
                == "ViT-H-14:laion2b_s32b_b79k")
        #expect(try PublishedModels.find(repository: "somebody/clip") == nil)
        #expect(try PublishedModels.find("starter") == nil)
        // These weights were not trained with quick_gelu: open_clip has no such name.
        #expect(try PublishedModels.find("ViT-B-32-quickgelu:laion2b_s34b_b79k") == nil)
    }

    @Test("a near miss is answered with the nearest name, and a published model that is not here with how to get it")
    func nearMiss() throws {
        #expect(try PublishedModels.nearestName(to: "ViT-B-32/opnai") == "ViT-B-32:openai")
        let store = ModelStore(environment: ["CLIP_MODEL_PATH": try temporaryFolder()])
        #expect(failure { _ = try store.path(of: "ViT-L-14:opnai") }.contains("did you mean 'ViT-L-14:openai'?"))
        #expect(failure { _ = try store.path(of: "ViT-L-14/openai") }.contains("clip models pull ViT-L-14:openai"))
    }

    static let smallTable = """
        preprocessing:
          plain: {mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], interpolation: bicubic, resizeMode: shortest}
        architectures:
          A: {imageSize: 8, embedding: 4, contextLength: 6, tokenizer: bpe}
        sources: {paper: "a paper"}
        models:
        - {name: "A:x", family: F, repository: o/a, activation: gelu, preprocessing: plain, imagenet: 50, source: paper}
        """

    @Test(
        "the table is read strictly, with line and column",
        arguments: [
            ("family: F", "famly: F", "published.yaml:7:", "'famly' here a typo"),
            ("imagenet: 50,", "imagenet: 50, colour: red,", "published.yaml:7:", "unknown key 'colour'"),
            ("imageSize: 8", "imageSize: 8, patch: 4", "published.yaml:4:", "unknown key 'patch'"),
            ("activation: gelu", "activation: relu", "published.yaml:7:", "'relu'"),
            (", source: paper", "", "published.yaml:7:", "source' is missing"),
            ("source: paper", "source: papr", "published.yaml:7:", "did you mean 'paper'?"),
            ("repository: o/a", "repository: a", "published.yaml:7:", "organisation/name"),
            ("name: \"A:x\"", "name: \"B:x\"", "published.yaml:7:", "must be an architecture of this table"),
        ])
    func strict(old: String, new: String, place: String, what: String) throws {
        #expect(try PublishedTable(Array(Self.smallTable.utf8)).models.map(\.name) == ["A:x"])
        #expect(Self.smallTable.contains(old))
        let text = failure { _ = try PublishedTable(Array(Self.smallTable.replacing(old, with: new).utf8)) }
        #expect(text.contains(place) && text.contains(what), "\(text)")
    }

    @Test("two entries of one name, or of one repository, are refused")
    func twice() throws {
        let entry = "\n- {name: \"A:y\", family: F, repository: O/A, activation: gelu, preprocessing: plain}"
        #expect(
            failure { _ = try PublishedTable(Array((Self.smallTable + entry).utf8)) }.contains("'O/A' is given twice"))
        let same = entry.replacing("A:y", with: "a:X").replacing("O/A", with: "o/b")
        #expect(failure { _ = try PublishedTable(Array((Self.smallTable + same).utf8)) } != "")
    }

    @Test("the hub's cache says in its path which repository a directory is of")
    func cachePaths() {
        let start = "/cache/huggingface/hub/"
        #expect(
            PublishedCopy.repository(cachePath: start + "models--laion--CLIP-ViT-B-32-laion2B-s34B-b79K/snapshots/1a2b")
                == "laion/CLIP-ViT-B-32-laion2B-s34B-b79K")
        #expect(PublishedCopy.repository(cachePath: start + "models--openai--clip/snapshots/1a2b/sub") == "openai/clip")
        #expect(PublishedCopy.repository(cachePath: start + "models--gpt2/snapshots/1a2b") == nil)
        #expect(PublishedCopy.repository(cachePath: start + "datasets--o--n/snapshots/1a2b") == nil)
        #expect(PublishedCopy.repository(cachePath: start + "models--o--n/snapshots") == nil)
        #expect(PublishedCopy.repository(cachePath: "/snapshots/a") == nil)
        #expect(PublishedCopy.repository(cachePath: "") == nil)
    }
}
