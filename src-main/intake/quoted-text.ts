/** Longer mails are read this far for their quote; what stands behind it belongs to whatever was found. */
const READ = 400_000

/** Lines above which nothing is looked for: no mail program writes an attribution longer than this. */
const ATTRIBUTION_LINES = 4

// The last words of an attribution line, by language: "On 3 May 2026, Ann wrote:".
const WROTE =
  /(?:\bwrote|\bwrites|\bsaid|\bschrieb\b.{0,120}|\ba écrit|\bécrit|\bescribió|\bha scritto|\bscrive|\bscritto|\bschreef\b.{0,120}|\bescreveu|\bnapisał\(?a?\)?|\bnapsal\(?a?\)?|\bnapísal\(?a?\)?|\bskrev\b.{0,120}|\bkirjoitti|\bírta|\ba scris|\bnapisao|\bje napisal\(?a?\)?|\byazdı|\bδιηγήθηκε|έγραψε|написала?|написав|пише|пишет|писала?|написа|写道|寫道|書きました|のメール|님이 작성|작성|كتب|כתב)\s*[:：]\s*$/iu

// What an attribution has besides: a date, a time or an address. Without one it is prose that ends in "said:".
const DATED = /\d{1,2}[:.]\d{2}|\d{4}|@|\d{1,2}[./-]\d{1,2}/

// "-----Original Message-----" and its translations: dashes or underscores around words.
const SEPARATOR =
  /^\s*[-_*]{2,}\s*(?:original message|original mail|reply message|forwarded message|forwarded by\b.*|weitergeleitete nachricht|ursprüngliche nachricht|originalnachricht|original-?nachricht|message (?:d'origine|original|transféré)|mensaje original|mensaje reenviado|messaggio (?:originale|inoltrato)|oorspronkelijk bericht|doorgestuurd bericht|mensagem (?:original|encaminhada)|wiadomość oryginalna|oryginalna wiadomość|původní zpráva|ursprungligt meddelande|originalmeddelande|opprinnelig melding|oprindelig meddelelse|alkuperäinen viesti|eredeti üzenet|orijinal ileti|исходное сообщение|пересылаемое сообщение|оригинальное сообщение|原始邮件|原始郵件|原件|元のメッセージ|original-nachricht|원본 메시지)\s*[-_*]{2,}\s*$/iu

const BEGIN_FORWARDED =
  /^\s*(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)|début du message (?:réexpédié|transféré)|inizio messaggio inoltrato|inicio del mensaje reenviado|begin doorgestuurd bericht)\s*[:：]\s*$/iu

const HEADER_FROM =
  /^\s*\*?(?:from|von|de|da|van|od|från|fra|lähettäjä|feladó|kimden|от|від|发件人|寄件者|差出人|보낸 사람|expéditeur|remitente|mittente)\s*[:：]\*?\s*\S/iu
const HEADER_OTHER =
  /^\s*\*?(?:sent|date|to|cc|subject|gesendet|datum|an|betreff|kopie|envoyé|à|objet|enviado(?: el)?|fecha|para|asunto|inviato|data|a|oggetto|verzonden|aan|onderwerp|enviada(?: em)?|assunto|wysłano|do|temat|odesláno|komu|předmět|skickat|till|ämne|sendt|til|emne|lähetetty|vastaanottaja|aihe|elküldve|címzett|tárgy|gönderme tarihi|kime|konu|отправлено|дата|кому|тема|发送时间|收件人|主题|抄送|日期|送信日時|宛先|件名|보낸 날짜|받는 사람|제목)\s*[:：]\*?/iu

const RULE = /^\s*[_-]{10,}\s*$/
const SIGNATURE = /^-- ?$/
/** Lines that may stand behind a quote and still leave it the rest of the mail: signature, list footer, confidentiality. */
const FOOTER_LINES = 25

interface Line {
  readonly at: number
  readonly text: string
}

/**
 * Index into `text` at which the quoted rest begins: an attribution with its quote, a forwarded or original
 * message with its separator or header block, or a last block of `>` lines. Null where nothing is quoted, where
 * new words follow the quote, and where nothing new stands before it (then the quote is all there is to read).
 */
export function quotedRest(text: string): number | null {
  const lines = linesOf(text)
  const candidates = [separatorAt(lines), trailingQuote(lines), unmarkedQuote(lines)].filter(
    (at) => at !== null,
  )
  if (candidates.length === 0) return null
  const at = lines[Math.min(...candidates)]?.at ?? 0
  return text.slice(0, at).trim() === '' ? null : at
}

function linesOf(text: string): readonly Line[] {
  const lines: Line[] = []
  const end = Math.min(text.length, READ)
  for (let at = 0; at < end;) {
    const feed = text.indexOf('\n', at)
    const stop = feed < 0 ? text.length : feed
    lines.push({ at, text: text.slice(at, Math.min(stop, at + 1_000)).trimEnd() })
    at = stop + 1
  }
  return lines
}

const isQuoted = (line: Line) => line.text.startsWith('>')
const isBlank = (line: Line) => line.text.trim() === ''

/** First line of a separator or of a header block as Outlook writes it; everything behind is quoted. */
function separatorAt(lines: readonly Line[]): number | null {
  for (const [i, line] of lines.entries()) {
    if (SEPARATOR.test(line.text) || BEGIN_FORWARDED.test(line.text)) return i
    if (!HEADER_FROM.test(line.text)) continue
    let others = 0
    for (const next of lines.slice(i + 1, i + 8)) if (HEADER_OTHER.test(next.text)) others++
    if (others < 2) continue
    // The rule above it is part of it.
    let first = i
    while (first > 0 && i - first < 3 && isBlankOrRule(lines[first - 1])) first--
    while (first < i && !RULE.test(lines[first]?.text ?? '')) first++
    return first
  }
  return null
}

function isBlankOrRule(line: Line | undefined): boolean {
  return line !== undefined && (isBlank(line) || RULE.test(line.text))
}

/** The last block of `>` lines with its attribution, where nothing but a footer follows. */
function trailingQuote(lines: readonly Line[]): number | null {
  let last = lines.length - 1
  while (last >= 0) {
    const line = lines[last]
    if (line && isQuoted(line)) break
    last--
  }
  if (last < 0 || !isFooter(lines.slice(last + 1))) return null
  let first = last
  for (let i = last; i >= 0; i--) {
    const line = lines[i]
    if (!line) break
    if (isQuoted(line)) first = i
    else if (!isBlank(line)) break
  }
  return attributionAbove(lines, first) ?? first
}

/** First line of the attribution that ends right above line `at`. */
function attributionAbove(lines: readonly Line[], at: number): number | null {
  let end = at - 1
  while (end >= 0 && at - end <= 3 && isBlank(lines[end] ?? { at: 0, text: '' })) end--
  const last = lines[end]
  if (!last || isBlank(last) || isQuoted(last)) return null
  const begin = attributionBegin(lines, end)
  if (begin !== null) return begin
  // "Ann Lee:" and the like, in any language: one short line with a colon at its end.
  return /[:：]\s*$/.test(last.text) && last.text.length < 120 && DATED.test(last.text) ? end : null
}

function attributionBegin(lines: readonly Line[], end: number): number | null {
  let joined = ''
  for (let i = end; i >= 0 && end - i < ATTRIBUTION_LINES; i--) {
    const line = lines[i]
    if (!line || isBlank(line) || isQuoted(line)) break
    joined = joined === '' ? line.text.trim() : `${line.text.trim()} ${joined}`
    if (joined.length > 400) break
    if (WROTE.test(joined) && DATED.test(joined)) {
      // The line that begins the sentence, where the mail program broke it.
      const above = lines[i - 1]
      const opens = /^(?:on|am|le|el|il|op|em|w dniu|dne|den|på|kl|pe|στις|в|у|dana|la)\b/iu.test(
        line.text.trim(),
      )
      if (opens || !above || isBlank(above) || isQuoted(above)) return i
    }
  }
  return WROTE.test(joined) && DATED.test(joined) ? end : WROTE.test(lines[end]?.text ?? '') ? end : null
}

/** An attribution whose quote carries no `>`: the rest of the mail, where the attribution names date or address. */
function unmarkedQuote(lines: readonly Line[]): number | null {
  for (const [i, line] of lines.entries()) {
    if (isQuoted(line) || !/[:：]\s*$/.test(line.text) || !WROTE.test(line.text)) continue
    const begin = attributionBegin(lines, i)
    if (begin === null) continue
    const whole = lines
      .slice(begin, i + 1)
      .map(({ text }) => text)
      .join(' ')
    const next = lines.slice(i + 1).find((line) => !isBlank(line))
    // Prose rarely has a full date and an address or a time before "wrote:".
    if (next && !isQuoted(next) && /\d{4}/.test(whole) && /@|\d{1,2}[:.]\d{2}/.test(whole)) return begin
  }
  return null
}

function isFooter(lines: readonly Line[]): boolean {
  const written = lines.filter((line) => !isBlank(line))
  const [first] = written
  if (!first) return true
  return written.length <= FOOTER_LINES && (SIGNATURE.test(first.text) || RULE.test(first.text))
}

/**
 * The first words of what is new in a mail, at most 200 characters on one line: without the quoted rest, without
 * quotes and attributions before and between the answers, without the signature.
 */
export function snippetOf(text: string, quoteAt: number | null): string {
  const fresh = text.slice(0, Math.min(quoteAt ?? text.length, 20_000))
  const lines = linesOf(fresh)
  const kept: string[] = []
  let length = 0
  for (const [i, line] of lines.entries()) {
    if (SIGNATURE.test(line.text)) break
    const next = lines[i + 1]
    if (isQuoted(line) || (next && isQuoted(next) && /[:：]\s*$/.test(line.text))) continue
    kept.push(line.text)
    length += line.text.length
    if (length > 2_000) break
  }
  const words = oneLine(kept.join(' '))
  // Nothing new in it: then what it quotes is what it says.
  return cut(words === '' ? oneLine(text.slice(0, 2_000).replace(/^[> ]+/gm, '')) : words)
}

function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Z}\u00ad\u200b-\u200d\u2060\ufeff]+/gu, ' ')
    .replace(/([-=_*~#.])\1{4,}/g, '')
    .replace(/ +/g, ' ')
    .trim()
}

function cut(text: string): string {
  if (text.length <= 200) return text
  const short = text.slice(0, 199).replace(/\s+\S{0,20}$/, '')
  return `${short.toWellFormed().replace(/\ufffd$/, '')}…`
}
