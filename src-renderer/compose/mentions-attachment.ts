/**
 * Words with which writers announce a file, by language. Stems: what may follow them is in the pattern. Each is
 * matched from the start of a word, so that "unattached" or "Beilagensalat" of another word's middle don't ask.
 */
const announcements: readonly string[] = [
  // English
  'attach(?:ed|ing|ments?)\\b',
  '(?:please )?(?:find|see) (?:the )?enclosed',
  'enclosed (?:is|are|you|please|find)',
  "(?:i am|i'm|we are|we're) (?:enclosing|attaching)",
  // German
  'anh(?:ang|änge|ängen)\\b',
  'angeh(?:ä|ae)ngt',
  'beigef(?:ü|ue)gt',
  'anbei\\b',
  'im anhang',
  // French
  'pi[eè]ces?[ -]jointes?',
  'ci-joint',
  'en annexe',
  'joins? (?:à ce|au présent|le fichier|le document)',
  // Spanish, Portuguese
  'adjunt[oaé]',
  'archivos? adjunto',
  'em anexo',
  'anex(?:o|os|ado|ada|ei)\\b',
  // Italian
  'in allegato',
  'allegat[oaie]\\b',
  'allego\\b',
  // Dutch
  'bijlagen?\\b',
  'bijgevoegd',
  'bijgaand',
  // Polish, Czech
  'za[lł][aą]cz(?:am|nik|niku|niki|one|ony|ona)',
  'p[rř][ií]lo(?:h(?:a|u|y|ou|ách)|ze)\\b',
  'p[rř]ikl[aá]d[aá]m',
  // Swedish, Danish, Norwegian, Finnish
  'bifog(?:ad|ar|at|ade)',
  'vedh[aæ]ft(?:et|er|ede)',
  'vedlagt',
  'liitte(?:enä|en|et|ksi)',
  // Turkish
  'ekte\\b',
  'ekteki',
  // Russian, Ukrainian
  'во вложении',
  'вложени[еяю]',
  'прилага[юе]',
  'прикрепля[юе]',
  'у вкладенні',
  'додаю файл',
]

/** Written without spaces or with joined particles, so without word boundaries. */
const anywhere: readonly string[] = ['添付', '附件', '附上', '첨부', 'مرفق', 'المرفقات', 'מצורף']

const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${announcements.join('|')})|${anywhere.join('|')}`, 'iu')
/** Files in the customer's hands, not ours. */
const theirs =
  /(?:your|no|without|missing|ihr(?:em|en|er)?|kein(?:e|en)?|ohne|votre|vos|sans|sin|su|senza|uw|geen) $/iu

/**
 * The words of `text` that announce an attachment, or null. `text` is what the agent wrote, without what is
 * quoted. "Your attachment" and "no attachment" announce nothing.
 */
export function mentionsAttachment(text: string): string | null {
  const plain = text.normalize('NFC')
  let from = 0
  while (from < plain.length) {
    const match = pattern.exec(plain.slice(from))
    if (!match) return null
    const at = from + match.index
    if (!theirs.test(plain.slice(Math.max(0, at - 20), at).replace(/\s+/gu, ' '))) return match[0]
    from = at + match[0].length
  }
  return null
}
