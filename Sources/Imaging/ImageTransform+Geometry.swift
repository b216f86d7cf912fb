extension ImageTransform {
    /// The size to which the picture is resized, before cropping and padding.
    func resizedSize(width: Int, height: Int) -> (width: Int, height: Int) {
        switch resizeMode {
        case .squash:
            return (resize, resize)
        case .shortest:
            // torchvision: int(size * long / short), in double precision.
            let short = min(width, height)
            let long = max(width, height)
            let newLong = Int(Double(resize) * Double(long) / Double(short))
            return width <= height ? (resize, newLong) : (newLong, resize)
        case .longest:
            // open_clip's ResizeKeepRatio: round(side / (long / size)); Python rounds half to even.
            let ratio = max(Double(height) / Double(resize), Double(width) / Double(resize))
            func side(_ length: Int) -> Int { Int((Double(length) / ratio).rounded(.toNearestOrEven)) }
            return (side(width), side(height))
        }
    }

    /// How one axis of `length` pixels becomes `target` pixels: what is cut, or what is added in front.
    struct Fit: Hashable {
        /// First pixel that is kept.
        var start: Int
        /// Pixels that are kept.
        var count: Int
        /// Zeros in front.
        var before: Int
    }

    func fit(length: Int, to target: Int) -> Fit {
        let surplus = length - target
        if surplus >= 0 {
            let half = Double(surplus) / 2
            let start = cropRounding == .down ? surplus / 2 : Int(half.rounded(.toNearestOrEven))
            return Fit(start: start, count: target, before: 0)
        }
        // torchvision puts the odd row of padding behind, transformers in front.
        let missing = -surplus
        return Fit(start: 0, count: length, before: cropRounding == .down ? (missing + 1) / 2 : missing / 2)
    }
}
