/** RFC 3676: lines that end in a space go on in the next one of the same quote depth; stuffed spaces go. */
export function unflow(text: string, delSp: boolean): string {
  const out: string[] = []
  let begun: { depth: number; text: string } | null = null
  for (const line of text.split('\n')) {
    let depth = 0
    while (line.charCodeAt(depth) === 0x3e) depth++
    const unquoted = line.slice(depth)
    const content = unquoted.startsWith(' ') ? unquoted.slice(1) : unquoted
    const signature = content === '-- '
    if (begun && (begun.depth !== depth || signature)) {
      out.push(written(begun))
      begun = null
    }
    const goesOn = content.endsWith(' ') && !signature
    const paragraph: { depth: number; text: string } = {
      depth,
      text: (begun?.text ?? '') + (goesOn && delSp ? content.slice(0, -1) : content),
    }
    if (goesOn) begun = paragraph
    else {
      out.push(written(paragraph))
      begun = null
    }
  }
  if (begun) out.push(written(begun))
  return out.join('\n')
}

function written({ depth, text }: { depth: number; text: string }): string {
  return depth === 0 ? text : `${'>'.repeat(depth)} ${text}`
}
