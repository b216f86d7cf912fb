import BPETokenizer
import CPUBackend
import InfoNCELoss
public import Multimodal
import ReferenceBackend
import ResNetEncoder
import SentencePieceTokenizer
import SigmoidLoss
import TransformerEncoder
import ViTEncoder

extension Clip {
    /// The plugins that this program is linked with: the one list of them.
    public static var linkedPlugins: [any Plugin] {
        [
            BPEPlugin(), CPUPlugin(), InfoNCEPlugin(), ReferencePlugin(), ResNetPlugin(), SentencePiecePlugin(),
            SigmoidPlugin(), TransformerPlugin(), ViTPlugin(),
        ]
    }
}
