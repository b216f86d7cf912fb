import Dispatch
import Imaging
import Synchronization

/// Decodes images on all cores, resized and cropped, and keeps them as bytes in memory as far as that goes.
///
/// For one caller at a time.
final class PictureStore: @unchecked Sendable {
    /// Images that fit in memory: the first ones of the list.
    let cachedCount: Int
    /// Bytes of a decoded image, and floats of a normalised one.
    let size: Int
    let pairs: PairList

    /// Images that are decoded, but not kept: those of one batch.
    typealias Passing = [Int: [UInt8]]

    /// Decodes to 0...1, which are bytes / 255 exactly.
    private let transform: ImageTransform
    /// How pictures are decoded.
    private let options: ImageOptions
    /// What a byte becomes, for each channel.
    private let tables: [[Float]]
    private let cache: UnsafeMutableBufferPointer<UInt8>
    private var isCached: [Bool]
    private var failed: [Int: DataFailure] = [:]

    init(
        pairs: PairList, transform: ImageTransform, options: ImageOptions = ImageOptions(), side: Int, memory: Int
    ) throws {
        self.pairs = pairs
        self.options = options
        self.transform = try ImageTransform(
            resize: transform.resize, resizeMode: transform.resizeMode, interpolation: transform.interpolation,
            crop: transform.crop, cropSize: transform.cropSize, cropRounding: transform.cropRounding,
            convert: transform.convert, alpha: transform.alpha, mean: [0, 0, 0], std: [1, 1, 1])
        tables = (0..<3).map { channel in
            (0...255).map { (Float($0) / 255 - transform.mean[channel]) / transform.std[channel] }
        }
        size = 3 * side * side
        cachedCount = min(pairs.imagePaths.count, memory / size)
        cache = .allocate(capacity: max(1, cachedCount * size))
        isCached = [Bool](repeating: false, count: cachedCount)
    }

    deinit { cache.deallocate() }

    /// The bad lines, and the images that are known to be bad.
    var failures: [DataFailure] { pairs.failures + failed.values }

    /// Whether the pair can be used, as far as is known: images that were not looked at may yet turn out bad.
    func isUsable(_ pair: Int) -> Bool { pairs.images[pair] >= 0 && failed[pairs.images[pair]] == nil }

    /// Notes that an image cannot be used.
    func fail(_ image: Int, _ message: String) -> DataFailure {
        let failure = DataFailure(file: pairs.file, line: pairs.imageLines[image], message: message)
        failed[image] = failure
        return failure
    }

    /// Decodes the images of `selected` pairs that are not in memory or in `passing`; gives those that turn out bad.
    func prepare(_ selected: some Collection<Int>, _ passing: inout Passing) -> [DataFailure] {
        var missing: [Int] = []
        var seen: Set<Int> = []
        for image in selected.map({ pairs.images[$0] }) where image >= 0 && failed[image] == nil {
            let isThere = image < cachedCount ? isCached[image] : passing[image] != nil
            if !isThere, seen.insert(image).inserted { missing.append(image) }
        }
        var failures: [DataFailure] = []
        for (image, result) in zip(missing, decode(missing)) {
            switch result {
            case .failure(let error): failures.append(fail(image, error.message))
            case .success(let bytes) where image < cachedCount:
                _ = UnsafeMutableBufferPointer(rebasing: cache[image * size..<(image + 1) * size]).update(from: bytes)
                isCached[image] = true
            case .success(let bytes): passing[image] = bytes
            }
        }
        return failures
    }

    /// Writes the images of `selected` pairs, all prepared and good, one after the other, each [3, side, side], normalised.
    func write(_ selected: [Int], _ passing: Passing, into output: UnsafeMutableBufferPointer<Float>) {
        let wanted = selected.map { pairs.images[$0] }
        let target = Shared(output)
        let source = Shared(cache)
        let size = size
        let tables = tables
        let cachedCount = cachedCount
        DispatchQueue.concurrentPerform(iterations: wanted.count) { index in
            let image = wanted[index]
            let row = UnsafeMutableBufferPointer(rebasing: target.buffer[index * size..<(index + 1) * size])
            if image < cachedCount {
                Self.normalize(
                    UnsafeBufferPointer(rebasing: source.buffer[image * size..<(image + 1) * size]), tables, row)
            } else {
                passing[image]?.withUnsafeBufferPointer { Self.normalize($0, tables, row) }
            }
        }
    }

    private func decode(_ images: [Int]) -> [Result<[UInt8], TrainingError>] {
        let results = Mutex<[Result<[UInt8], TrainingError>]>(
            Array(repeating: .failure(TrainingError("was not decoded")), count: images.count))
        DispatchQueue.concurrentPerform(iterations: images.count) { index in
            let result = self.decode(images[index])
            results.withLock { $0[index] = result }
        }
        return results.withLock { $0 }
    }

    private func decode(_ image: Int) -> Result<[UInt8], TrainingError> {
        do throws(ImageError) {
            let values = try transform.apply(
                to: Image(contentsOfFile: pairs.imagePaths[image], options: options))
            guard values.count == size else {
                let name = String(decoding: pairs.imagePaths[image], as: UTF8.self)
                return .failure(TrainingError("\(name): gives \(values.count) numbers, not \(size)"))
            }
            return .success(values.map { UInt8(max(0, min(255, ($0 * 255).rounded()))) })
        } catch {
            return .failure(TrainingError("\(error)"))
        }
    }

    private static func normalize(
        _ bytes: UnsafeBufferPointer<UInt8>, _ tables: [[Float]], _ output: UnsafeMutableBufferPointer<Float>
    ) {
        let plane = bytes.count / 3
        for (channel, table) in tables.enumerated() {
            table.withUnsafeBufferPointer { table in
                for index in channel * plane..<(channel + 1) * plane { output[index] = table[Int(bytes[index])] }
            }
        }
    }

    /// Memory of which every iteration touches a part of its own.
    private struct Shared<Element>: @unchecked Sendable {
        let buffer: UnsafeMutableBufferPointer<Element>
        init(_ buffer: UnsafeMutableBufferPointer<Element>) { self.buffer = buffer }
    }
}
