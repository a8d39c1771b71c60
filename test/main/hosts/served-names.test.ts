import { describe, expect, it } from 'vitest'
import { savedName, shownType } from '../../../src-main/hosts/served-names.ts'
import { contentDisposition } from '../../../src-main/intake/file-names.ts'

describe('the name under which an attachment is saved', () => {
  it.each([
    ['../../etc/passwd', 'passwd'],
    ['..\\..\\Windows\\system.ini', 'system.ini'],
    ['/absolute', 'absolute'],
    ['a\r\nb\0c.txt', 'abc.txt'],
    ['invoice\u202Efdp.exe', 'invoicefdp.exe'],
    ['CON', '_CON'],
    ['nul.txt', '_nul.txt'],
    ['com1.tar.gz', '_com1.tar.gz'],
    ['console.txt', 'console.txt'],
    ['what?*<>|":.txt', 'what_______.txt'],
    ['ends with dots...', 'ends with dots'],
    ['.bashrc', 'bashrc'],
    ['..', 'attachment'],
    ['', 'attachment'],
    [null, 'attachment'],
    ['Größe – 日本語.pdf', 'Größe – 日本語.pdf'],
    ['folder/', 'attachment'],
  ])('%j becomes %j', (name, saved) => {
    expect(savedName(name)).toBe(saved)
  })

  it('an endless name is cut and keeps its ending', () => {
    expect(savedName(`${'x'.repeat(5000)}.pdf`)).toBe(`${'x'.repeat(146)}.pdf`)
  })
})

describe('the Content-Disposition field', () => {
  it('carries any name without breaking out of its quotes', () => {
    expect(contentDisposition('attachment', 'a"; filename=evil.exe\r\nX: y')).toBe(
      `attachment; filename="a_; filename=evil.exe__X: y"; filename*=UTF-8''a%22%3B%20filename%3Devil.exe%0D%0AX%3A%20y`,
    )
  })

  it('writes other scripts by RFC 5987, with a plain name beside', () => {
    expect(contentDisposition('inline', "Größe's.png")).toBe(
      `inline; filename="Gr__e's.png"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%27s.png`,
    )
  })
})

describe('what may be shown instead of saved', () => {
  it.each([
    ['image/png', 'image/png'],
    ['IMAGE/JPG; name=x', 'image/jpeg'],
    ['image/svg+xml', null],
    ['text/html', null],
    ['application/pdf', null],
    ['', null],
  ])('%j: %j', (type, shown) => {
    expect(shownType(type)).toBe(shown)
  })
})
