// What an app imports: `import CLIPKit` brings the types of the layers below.
@_exported public import Checkpoints
@_exported public import Hub
@_exported public import Imaging
@_exported public import JSONLines
@_exported public import Multimodal
@_exported public import Training
