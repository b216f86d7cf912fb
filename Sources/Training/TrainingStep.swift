import ModelGraph
public import Multimodal

/// One step of training as one graph: forward, backward, clipping and the optimiser's update of every parameter.
public enum TrainingStep {
    /// Inputs: `images`, `tokens` and the optimiser's scalars. Outputs: `loss`, `gradientNorm` (before clipping) and
    /// `logitScale` (before the update), scalars. Trainable parameters and their moments are updated; parameters that
    /// are not trainable keep the updates that their encoder gave them. Where the loss or the norm is not finite, the step
    /// changes nothing, so that the state before it can be saved.
    /// - Parameter kept: towers that started from trained weights, which keep the statistics of their batch norms.
    public static func graph(
        model: DualEncoder, batch: Int, length: Int, optimizer: AdamW, clipGradientNorm: Double?,
        keepingStatisticsOf kept: Set<DualEncoder.Tower> = []
    ) throws -> Graph {
        let forward = try model.lossGraph(batch: batch, length: length, keepingStatisticsOf: kept)
        let builder = GraphBuilder(extending: forward)
        let outputs = Dictionary(uniqueKeysWithValues: forward.outputs.map { ($0.name, builder.tensor($0.id)) })
        guard let loss = outputs["loss"], let logitScale = outputs["logitScale"] else {
            throw TrainingError("the model's loss graph gives no loss")
        }
        let parameters = zip(forward.parameters, forward.parameterSignature).compactMap { id, entry in
            entry.parameter.isTrainable && entry.type.dtype == .float32
                ? (parameter: entry.parameter, tensor: builder.tensor(id)) : nil
        }
        var gradients = loss.gradients(withRespectTo: parameters.map(\.tensor))
        let squares = gradients.map { ($0 * $0).sum() }
        guard let first = squares.first else { throw TrainingError("the model has nothing to train") }
        let norm = squares.dropFirst().reduce(first, +).squareRoot()
        if let clipGradientNorm {
            // torch.nn.utils.clip_grad_norm_
            let scale = (clipGradientNorm / (norm + 1e-6)).minimum(builder.constant(1))
            gradients = gradients.map { $0 * scale }
        }
        optimizer.update(parameters, gradients: gradients, in: builder)
        // What is infinite less itself is NaN.
        let total = loss + norm
        builder.holdUpdates(unless: (total - total).equal(to: builder.constant(0)))
        return try builder.finish([("loss", loss), ("gradientNorm", norm), ("logitScale", logitScale)])
    }
}
