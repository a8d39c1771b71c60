const LONGEST = 998

/** Message-IDs of a field, without angle brackets, in their order: only what stands between `<` and `>`. */
export function messageIds(field: string): readonly string[] {
  const found: string[] = []
  let open = field.indexOf('<')
  while (open >= 0) {
    const close = field.indexOf('>', open)
    if (close < 0) break
    // Folding may have put white space into a long id; a second `<` means that the first was never closed.
    const begin = field.lastIndexOf('<', close)
    const id = field.slice(begin + 1, close).replace(/[\s\p{Cc}]+/gu, '')
    if (id !== '' && id.length <= LONGEST) found.push(id)
    open = field.indexOf('<', close)
  }
  return found
}

/** The mail's own id; one without brackets counts too, since answers will name it with them. */
export function ownMessageId(field: string | null): string | null {
  if (field === null) return null
  const bracketed = messageIds(field)[0]
  if (bracketed !== undefined) return bracketed
  const bare = field.trim()
  return /^[^\s<>]+@[^\s<>]+$/.test(bare) && bare.length <= LONGEST ? bare : null
}

/**
 * Ids of In-Reply-To. Old mail programs write prose there (`Message from Bob <bob@x> of "Tue" <id@x>`); the address
 * of a person named in it is no id.
 */
export function repliedTo(field: string, people: ReadonlySet<string>): readonly string[] {
  return messageIds(field.replace(/\bfrom\b[^<>]{0,200}<[^<>]{0,254}>/gi, '')).filter(
    (id) => !people.has(id.toLowerCase()),
  )
}
