import { Editor, Extension, Node } from '@tiptap/core'
import type { Node as DocumentNode } from '@tiptap/pm/model'
import { Plugin } from '@tiptap/pm/state'
import { Decoration, DecorationSet } from '@tiptap/pm/view'
import { StarterKit } from '@tiptap/starter-kit'
import { FIELD_CODE } from './field-code.ts'

export interface RichEditorOptions {
  readonly element: HTMLElement
  readonly html: string
  readonly label: string
  /** Address of an inline picture's bytes; null where the draft holds none by this Content-ID. */
  readonly sourceOf: (contentId: string) => string | null
  readonly onWrite: (html: string) => void
  /** Selection, marks or text changed: toolbars look again. */
  readonly onMove: () => void
  /** True where the files were taken. */
  readonly onFiles: (files: readonly File[]) => boolean
  /** `::` was typed at the start of a word; it stands before the cursor. */
  readonly onShorthand: () => void
}

/** The rich body: paragraphs, lists, quotes, links, basic marks, pictures that the mail carries. */
export function createRichEditor(options: RichEditorOptions): Editor {
  let written = ''
  const editor = new Editor({
    element: options.element,
    content: options.html,
    extensions: [
      StarterKit.configure({
        heading: { levels: [1, 2, 3] },
        link: {
          openOnClick: false,
          autolink: true,
          linkOnPaste: true,
          defaultProtocol: 'https',
          isAllowedUri: (url) => /^(?:https?:|mailto:)/iu.test(url),
          HTMLAttributes: { target: null, rel: null, class: null },
        },
      }),
      inlinePicture(options.sourceOf),
      markCodes,
    ],
    editorProps: {
      attributes: {
        role: 'textbox',
        'aria-multiline': 'true',
        'aria-label': options.label,
        spellcheck: 'true',
        dir: 'auto',
      },
      handlePaste: (_view, event) => {
        const { clipboardData } = event
        // Copied cells or words bring a picture of themselves along; then the words are meant.
        if (!clipboardData || clipboardData.types.includes('text/plain')) return false
        return clipboardData.files.length > 0 && options.onFiles([...clipboardData.files])
      },
      handleTextInput: (view, from, _to, text) => {
        if (text !== ':') return false
        const before = view.state.doc.textBetween(Math.max(0, from - 2), from, '\n', ' ')
        const start = view.state.selection.$from.parentOffset === 1
        if (!before.endsWith(':') || !(start || /^\s/u.test(before))) return false
        queueMicrotask(options.onShorthand)
        return false
      },
    },
    onUpdate: ({ editor: { getHTML } }) => {
      const html = getHTML.call(editor)
      if (html === written) return
      written = html
      options.onWrite(html)
    },
    onTransaction: options.onMove,
  })
  written = editor.getHTML()
  return editor
}

/** A picture of the mail's own parts, kept as `cid:` in the text and shown from the desk's own address. */
function inlinePicture(sourceOf: (contentId: string) => string | null) {
  return Node.create({
    name: 'inlinePicture',
    group: 'inline',
    inline: true,
    atom: true,
    draggable: true,
    addAttributes: () => ({
      cid: {
        default: '',
        parseHTML: (element) => (element.getAttribute('src') ?? '').slice(4),
        rendered: false,
      },
      alt: { default: '' },
    }),
    parseHTML: () => [{ tag: 'img[src^="cid:"]' }],
    renderHTML: ({ node }) => ['img', { src: `cid:${String(node.attrs.cid)}`, alt: String(node.attrs.alt) }],
    addNodeView:
      () =>
      ({ node }) => {
        const dom = document.createElement('img')
        dom.alt = String(node.attrs.alt)
        const source = sourceOf(String(node.attrs.cid))
        if (source) dom.src = source
        return { dom }
      },
  })
}

/** Field codes that stand unrendered in the text are marked: they must not leave the desk. */
const markCodes = Extension.create({
  name: 'markCodes',
  addProseMirrorPlugins: () => [
    new Plugin({
      props: {
        decorations: ({ doc }) =>
          DecorationSet.create(
            doc,
            codeRanges(doc).map(({ from, to }) => Decoration.inline(from, to, { class: 'field-code' })),
          ),
      },
    }),
  ],
})

interface Range {
  readonly from: number
  readonly to: number
}

function codeRanges(doc: DocumentNode): readonly Range[] {
  return rangesOf(doc, FIELD_CODE)
}

function rangesOf(doc: DocumentNode, pattern: RegExp): readonly Range[] {
  const ranges: Range[] = []
  doc.descendants((node, at) => {
    if (!node.isTextblock) return true
    // Pictures and breaks count one place each, as a character does.
    const text = node.textBetween(0, node.content.size, undefined, '\n')
    for (const match of text.matchAll(pattern))
      ranges.push({ from: at + 1 + match.index, to: at + 1 + match.index + match[0].length })
    return false
  })
  return ranges
}

/** Selects the first place where `text` stands in one paragraph; false where it isn't. */
export function selectText(editor: Editor, text: string): boolean {
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/gu, '\\$&').replace(/\s+/gu, '\\s+')
  const range = rangesOf(editor.state.doc, new RegExp(escaped, 'gu'))[0]
  if (!range) return false
  editor.chain().focus().setTextSelection(range).scrollIntoView().run()
  return true
}

/** Puts rich text at the cursor; one paragraph joins the line it is put into. */
export function insertHtml(editor: Editor, html: string): void {
  const body = new DOMParser().parseFromString(html, 'text/html').body
  const only = body.children.length === 1 ? body.firstElementChild : null
  const inline = only?.tagName === 'P' && editor.state.selection.$from.parent.content.size > 0
  editor
    .chain()
    .focus()
    .insertContent(inline ? only.innerHTML : html)
    .scrollIntoView()
    .run()
}
