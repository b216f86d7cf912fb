import ClipCommands
import ColorGrid

await Clip.run(plugins: Clip.linkedPlugins + [ColorGridPlugin()])
