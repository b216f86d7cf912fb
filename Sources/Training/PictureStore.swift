import Dispatch
import Imaging
import Synchronization

/// Decodes pictures on all cores, resized and cropped, and keeps them as bytes in memory as far as that goes.
///
/// For one caller at a time.
final class PictureStore: @unchecked Sendable {
    /// Pictures that fit in memory: the first ones of the list.
    let cachedCount: Int
    /// Bytes of a decoded picture, and floats of a normalised one.
    let size: Int

    private let pairs: PairList
    /// Decodes to 0...1, which are bytes / 255 exactly.
    private let transform: ImageTransform
    /// What a byte becomes, for each channel.
    private let tables: [[Float]]
    private let cache: UnsafeMutableBufferPointer<UInt8>
    private var isCached: [Bool]

    init(pairs: PairList, transform: ImageTransform, side: Int, memory: Int) throws {
        self.pairs = pairs
        self.transform = try ImageTransform(
            resize: transform.resize, resizeMode: transform.resizeMode, interpolation: transform.interpolation,
            crop: transform.crop, cropSize: transform.cropSize, cropRounding: transform.cropRounding,
            convert: transform.convert, mean: [0, 0, 0], std: [1, 1, 1])
        tables = (0..<3).map { channel in
            (0...255).map { (Float($0) / 255 - transform.mean[channel]) / transform.std[channel] }
        }
        size = 3 * side * side
        cachedCount = min(pairs.imagePaths.count, memory / size)
        cache = .allocate(capacity: max(1, cachedCount * size))
        isCached = [Bool](repeating: false, count: cachedCount)
    }

    deinit { cache.deallocate() }

    /// Writes the pictures of `selected` pairs, one after the other, each [3, side, side], normalised.
    /// - Throws: for the first pair whose picture cannot be read, with the line that names it.
    func load(_ selected: ArraySlice<Int>, into output: UnsafeMutableBufferPointer<Float>) throws {
        let wanted = selected.map { pairs.images[$0] }
        var rows: [Int: Int] = [:]  // of a picture that must be decoded, its place in `missing`
        var missing: [Int] = []
        for image in wanted where !(image < cachedCount && isCached[image]) && rows[image] == nil {
            rows[image] = missing.count
            missing.append(image)
        }
        let decoded = try decode(missing)
        let places = rows
        for (image, bytes) in zip(missing, decoded) where image < cachedCount {
            _ = UnsafeMutableBufferPointer(rebasing: cache[image * size..<(image + 1) * size]).update(from: bytes)
            isCached[image] = true
        }
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
            } else if let place = places[image] {
                decoded[place].withUnsafeBufferPointer { Self.normalize($0, tables, row) }
            }
        }
    }

    private func decode(_ images: [Int]) throws -> [[UInt8]] {
        let results = Mutex<[Result<[UInt8], TrainingError>?]>(Array(repeating: nil, count: images.count))
        DispatchQueue.concurrentPerform(iterations: images.count) { index in
            let result = self.decode(images[index])
            results.withLock { $0[index] = result }
        }
        return try results.withLock { try $0.compactMap { try $0?.get() } }
    }

    private func decode(_ image: Int) -> Result<[UInt8], TrainingError> {
        do throws(ImageError) {
            let values = try transform.apply(to: Image(contentsOfFile: pairs.imagePaths[image]))
            guard values.count == size else {
                return .failure(TrainingError("\(pairs.imagePaths[image]): gives \(values.count) numbers, not \(size)"))
            }
            return .success(values.map { UInt8(max(0, min(255, ($0 * 255).rounded()))) })
        } catch {
            return .failure(TrainingError("\(pairs.file):\(pairs.imageLines[image]): \(error)"))
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
