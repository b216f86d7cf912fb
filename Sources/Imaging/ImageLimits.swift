/// What a file may claim before it is refused, checked before anything of that size is allocated.
public struct ImageLimits: Sendable, Hashable {
    /// Width times height. The default is where Pillow refuses a picture as a decompression bomb: 2 x 89,478,485.
    public var pixels: Int
    /// Bytes of the file. The default is 512 MiB.
    public var fileBytes: Int

    public init(pixels: Int = 178_956_970, fileBytes: Int = 512 << 20) {
        self.pixels = pixels
        self.fileBytes = fileBytes
    }
}
