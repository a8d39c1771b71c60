/** Every file that was dropped, folders and what is in them included, each with its path as its name. */
export async function droppedFiles(transfer: DataTransfer): Promise<readonly File[]> {
  // Entries must be asked for before the first await: the list is empty afterwards.
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? [])
  if (entries.length === 0) return [...transfer.files]
  const files: File[] = []
  for (const entry of entries) await collect(entry, files)
  return files
}

async function collect(entry: FileSystemEntry, files: File[]): Promise<void> {
  if (entry instanceof FileSystemFileEntry) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject))
    // A Maildir is recognised by its folders' names, so the path goes along.
    files.push(new File([file], entry.fullPath.replace(/^\//u, ''), { type: file.type }))
  } else if (entry instanceof FileSystemDirectoryEntry) {
    const reader = entry.createReader()
    // Chromium hands out at most 100 at a time; an empty answer is the end.
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
        reader.readEntries(resolve, reject),
      )
      if (some.length === 0) return
      for (const one of some) await collect(one, files)
    }
  }
}
