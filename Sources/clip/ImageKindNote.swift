import CLIPKit
import Synchronization

/// One note where a model that nobody named gets an image of another kind than those it was made for.
final class ImageKindNote: Sendable {
    private let knowledge: Knowledge
    private let size: Int
    private let message: String
    private let note: @Sendable (String) -> Void
    private let wasTold = Mutex(false)

    /// Nil for a model that says nothing of what it knows.
    /// - Parameter remedy: how a model that knows more is had.
    init?(_ model: ModelDirectory, remedy: String, note: @escaping @Sendable (String) -> Void) throws {
        guard let knowledge = model.config.knows, model.config.image != nil else { return nil }
        self.knowledge = knowledge
        self.note = note
        size = try model.model.image.imageSize
        message =
            "no model was named, so it is '\(model.config.name)', which knows nothing of such images, but "
            + "\(knowledge.summary); \(remedy)"
    }

    /// Looks at an image before it is embedded, unless the note is written.
    func look(at image: Image) {
        if wasTold.withLock({ $0 }) { return }
        switch knowledge.images {
        case .drawings:
            if image.width == size, image.height == size { return }
            if (try? image.looksDrawn()) != false { return }
        }
        let isFirst = wasTold.withLock { told in
            defer { told = true }
            return !told
        }
        if isFirst { note(message) }
    }
}
