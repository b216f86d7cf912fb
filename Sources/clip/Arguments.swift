public import ArgumentParser
public import CLIPKit

// Values of options that are written as they are on the wire.
extension EmbedInput.Mode: ExpressibleByArgument {}
extension EmbeddingEncoding: ExpressibleByArgument {}
extension Modality: ExpressibleByArgument {}
extension EncoderOutput: ExpressibleByArgument {}
extension ModelLayoutName: ExpressibleByArgument {}
extension ImageOptions.Orientation: ExpressibleByArgument {}
extension ImageOptions.SixteenBit: ExpressibleByArgument {}
