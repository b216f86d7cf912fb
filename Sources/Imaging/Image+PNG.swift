import AtomicFiles
import CImageCodecs

extension Image {
    /// The picture as a PNG file, 8 bits a sample, in gray or RGB; other modes are converted to RGB first.
    ///
    /// The same picture gives the same bytes, with the same libpng and zlib.
    ///
    /// - Throws: `ImageError` (`image.write`) if the encoder fails, for want of memory for example.
    public func pngData() throws(ImageError) -> [UInt8] {
        let image = mode == .gray ? self : convertedToRGB()
        guard let width = UInt32(exactly: image.width), let height = UInt32(exactly: image.height) else {
            throw ImageError(.write, reason: "\(image.width)x\(image.height) pixels are too many for PNG")
        }
        var bytes: [UInt8] = []
        var info = cic_info()
        let status = withUnsafeMutablePointer(to: &bytes) { sink in
            image.pixels.withUnsafeBufferPointer { pixels in
                cic_png_encode(
                    pixels.baseAddress, width, height, Int32(image.mode.bytesPerPixel),
                    { context, chunk, count in
                        guard let context, let chunk else { return 0 }
                        let bytes = context.assumingMemoryBound(to: [UInt8].self)
                        bytes.pointee.append(contentsOf: UnsafeBufferPointer(start: chunk, count: count))
                        return 1
                    }, sink, &info)
            }
        }
        guard status == CIC_OK else {
            throw ImageError(.write, reason: "the PNG encoder failed on \(width)x\(height) pixels")
        }
        return bytes
    }

    /// Writes the picture as a PNG file, atomically: the file is complete or not there, and an old one stays until then.
    ///
    /// - Throws: `ImageError` (`image.write`), with the path in its message.
    public func writePNG(toFile path: String) throws(ImageError) {
        do {
            try AtomicFile.write(pngData(), to: path)
        } catch let error as ImageError {
            throw error.from(path)
        } catch let error as AtomicFileError {
            throw ImageError(.write, reason: "\(error)")
        } catch {
            throw ImageError(.write, source: path, reason: "cannot be written: \(error)")
        }
    }
}
