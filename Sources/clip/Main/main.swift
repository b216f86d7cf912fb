import ClipCommands

await Clip.run(plugins: Clip.linkedPlugins)
