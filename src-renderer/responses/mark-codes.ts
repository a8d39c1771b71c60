/** Wraps the field codes in the text of `root` in `<span class="field-code">`. */
export function markFieldCodes(root: Element): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  const texts: Text[] = []
  while (walker.nextNode()) if (walker.currentNode instanceof Text) texts.push(walker.currentNode)
  for (const text of texts) {
    const parts = text.data.split(/(<\$(?:(?!<\$)[^])*?\$>)/u)
    if (parts.length === 1) continue
    text.replaceWith(
      ...parts.map((part) => {
        if (!part.startsWith('<$')) return part
        const mark = document.createElement('span')
        mark.className = 'field-code'
        mark.textContent = part
        return mark
      }),
    )
  }
}
