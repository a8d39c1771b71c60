/** A field code `<$ … $>` as it stands in text. */
export const FIELD_CODE = /<\$(?:(?!<\$)[^])*?\$>/gu

/** The codes that stand in `text`, each once. */
export function codesIn(text: string): readonly string[] {
  return [...new Set(text.match(FIELD_CODE) ?? [])]
}
