@_exported public import ModelGraph
