import CImageCodecs

/// What decodes a format to pixels: a pair of C functions each.
struct Codec {
    let format: ImageFormat
    /// Whether the file's own turning is left out, where its decoder does it.
    var isStored = false

    func header(_ data: UnsafePointer<UInt8>, _ size: Int, _ info: inout cic_info) -> Int32 {
        switch format {
        case .png: cic_png_header(data, size, &info)
        case .jpeg: cic_jpeg_header(data, size, &info)
        case .webp: cic_webp_header(data, size, &info)
        case .gif: cic_gif_header(data, size, &info)
        case .bmp: cic_bmp_header(data, size, &info)
        case .tiff: cic_tiff_header(data, size, &info)
        case .heic, .avif: cic_heif_header(data, size, isStored ? 1 : 0, &info)
        case .raw: Int32(CIC_UNSUPPORTED)  // its preview is decoded, see Image+RAW.swift
        }
    }

    func decode(
        _ data: UnsafePointer<UInt8>, _ size: Int, _ pixels: UnsafeMutablePointer<UInt8>, _ capacity: Int,
        _ info: inout cic_info
    ) -> Int32 {
        switch format {
        case .png: cic_png_decode(data, size, pixels, capacity, &info)
        case .jpeg: cic_jpeg_decode(data, size, pixels, capacity, &info)
        case .webp: cic_webp_decode(data, size, pixels, capacity, &info)
        case .gif: cic_gif_decode(data, size, pixels, capacity, &info)
        case .bmp: cic_bmp_decode(data, size, pixels, capacity, &info)
        case .tiff: cic_tiff_decode(data, size, pixels, capacity, &info)
        case .heic, .avif: cic_heif_decode(data, size, isStored ? 1 : 0, pixels, capacity, &info)
        case .raw: Int32(CIC_UNSUPPORTED)
        }
    }

    func check(_ status: Int32, _ info: cic_info) throws(ImageError) {
        if status == CIC_OK { return }
        if status == CIC_TRUNCATED {
            throw ImageError(.truncated, reason: "the \(format.name) image is truncated: the data end too early")
        }
        if status == CIC_NO_LIBRARY { throw missingLibrary }
        if status == CIC_NO_DECODER { throw missingDecoder }
        var info = info
        let said = withUnsafeBytes(of: &info.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        throw ImageError(.decode, reason: "the \(format.name) image cannot be decoded: \(said)")
    }

    /// The library that is opened for a format, and the packages that bring it.
    private var library: (name: String, debian: String, homebrew: String) {
        switch format {
        case .heic, .avif: ("libheif", "libheif1", "libheif")
        case .raw: ("libraw", "libraw-dev", "libraw")
        default: ("libtiff", "libtiff6", "libtiff")
        }
    }

    var missingLibrary: ImageError { missing(library.name, library.debian, library.homebrew) }

    /// libheif is there, but on newer systems its decoders are packages of their own.
    var missingDecoder: ImageError {
        let plugin = format == .avif ? "libheif-plugin-dav1d" : "libheif-plugin-libde265"
        return missing("a decoder for libheif", plugin, "libheif")
    }

    private func missing(_ what: String, _ debian: String, _ homebrew: String) -> ImageError {
        ImageError(
            .library,
            reason: "reading a \(format.name) image takes \(what), which is not installed (Debian, Ubuntu: apt install "
                + "\(debian); Homebrew: brew install \(homebrew))")
    }
}
