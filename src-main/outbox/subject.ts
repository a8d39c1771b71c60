// What mail programs put before a subject, by language (English, German, French, Spanish, Italian, Portuguese, Dutch,
// Nordic, Polish, Czech, Hungarian, Turkish, Romanian, Chinese, Japanese), with counters: RE[2], Re(3), Re^2.
const REPLY =
  're|aw|antw|antwort|r[eé]p|r|rif|res|sv|vs|odp|odg|ynt|yan|atb|ang|vá|回复|答复|回覆|答覆|返信|답장'
const FORWARD =
  'fwd?|fw|wg|tr|rv|renv|i|enc|doorst|vb|vl|vidarebefordrat|pd|továbbítás|ilt|redirecționat|转发|轉寄|轉發|転送'
const COUNTER = '(?:\\s?\\[\\d{1,3}\\]|\\s?\\(\\d{1,3}\\)|\\^\\d{1,3})?'

const replyPrefixes = new RegExp(`^(?:\\s*(?:${REPLY})${COUNTER}\\s*[:：]\\s*)+`, 'iu')
const forwardPrefixes = new RegExp(`^(?:\\s*(?:${FORWARD})${COUNTER}\\s*[:：]\\s*)+`, 'iu')

/** `Re: ` before the subject, once, whatever language's prefixes (and counters) stand there. */
export function replySubject(subject: string): string {
  return `Re: ${oneLine(subject).replace(replyPrefixes, '')}`.trim()
}

/** `Fwd: ` before the subject, once; a `Re:` behind it stays, since the forwarded mail was an answer. */
export function forwardSubject(subject: string): string {
  return `Fwd: ${oneLine(subject).replace(forwardPrefixes, '')}`.trim()
}

/** Text as it may stand in a header field: every run of control characters and breaks becomes one space. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim()
}
