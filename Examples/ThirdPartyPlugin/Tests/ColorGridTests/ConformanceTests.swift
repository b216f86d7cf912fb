import CPUBackend
import ColorGrid
import MultimodalTesting
import ReferenceBackend
import Testing

@Test("color-grid keeps what every image encoder promises, on every backend")
func conformance() {
    let report = PluginConformance.run(
        ColorGridPlugin(), beside: [CPUPlugin(), ReferencePlugin()],
        settings: ["color-grid": ["{imageSize: 8, cells: 2, width: 6}"]])
    #expect(report.hasPassed, "\(report)")
}
