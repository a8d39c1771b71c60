/**
 * The organisation that an address belongs to: its registrable domain, in lower case. Null for public mail
 * providers, where two addresses at one domain are no more than two strangers, and for what is no domain.
 */
export function organisationOf(address: string): string | null {
  const domain = address
    .slice(address.lastIndexOf('@') + 1)
    .toLowerCase()
    .replace(/\.$/, '')
  if (domain === '' || domain.startsWith('[') || /^[\d.]+$/.test(domain)) return null
  const labels = domain.split('.')
  if (labels.length < 2) return null
  const top = labels.at(-1) ?? ''
  const second = labels.at(-2) ?? ''
  // co.uk, com.au, ac.jp …: under a country's own second level the organisation is the third label.
  const size = labels.length > 2 && top.length === 2 && SECOND_LEVELS.has(second) ? 3 : 2
  const organisation = labels.slice(-size).join('.')
  if (PROVIDERS.has(organisation) || PROVIDER_FAMILIES.has(labels.at(-size) ?? '')) return null
  return organisation
}

// prettier-ignore
const SECOND_LEVELS = new Set([
  'ac', 'co', 'com', 'edu', 'go', 'gob', 'gouv', 'gov', 'govt', 'gv', 'id', 'info', 'ltd', 'me', 'mil', 'ne', 'net',
  'nom', 'or', 'org', 'plc', 'sch', 'web',
])

/** Providers that have the same name under many countries. */
// prettier-ignore
const PROVIDER_FAMILIES = new Set([
  'aol', 'fastmail', 'gmail', 'gmx', 'googlemail', 'hotmail', 'icloud', 'live', 'mailbox', 'msn', 'outlook',
  'proton', 'protonmail', 'rocketmail', 'tutanota', 'yahoo', 'yandex', 'ymail', 'zoho',
])

// prettier-ignore
const PROVIDERS = new Set([
  '126.com', '139.com', '163.com', '1and1.com', 'aim.com', 'alice.it', 'aliceadsl.fr', 'aliyun.com', 'arcor.de',
  'att.net', 'bellsouth.net', 'bigpond.com', 'bk.ru', 'bluewin.ch', 'bol.com.br', 'btinternet.com', 'centrum.cz',
  'charter.net', 'comcast.net', 'cox.net', 'daum.net', 'duck.com', 'earthlink.net', 'email.cz', 'email.de',
  'excite.com', 'facebook.com', 'fastmail.fm', 'foxmail.com', 'free.fr', 'freenet.de', 'freemail.hu', 'gawab.com',
  'hanmail.net', 'hey.com', 'hushmail.com', 'ig.com.br', 'inbox.com', 'inbox.lv', 'inbox.ru', 'interia.pl',
  'iname.com', 'juno.com', 'kpnmail.nl', 'laposte.net', 'libero.it', 'list.ru', 'lycos.com', 'mac.com', 'mail.com',
  'mail.de', 'mail.ee', 'mail.ru', 'mailfence.com', 'mailinator.com', 'me.com', 'naver.com', 'nate.com',
  'neuf.fr', 'netscape.net', 'netzero.net', 'nifty.com', 'ntlworld.com', 'o2.pl', 'online.de', 'onet.pl', 'op.pl',
  'optonline.net', 'optusnet.com.au', 'orange.fr', 'pm.me', 'pobox.com', 'posteo.de', 'posteo.net', 'qq.com',
  'rambler.ru', 'rediffmail.com', 'riseup.net', 'rogers.com', 'runbox.com', 'sapo.pt', 'sbcglobal.net',
  'seznam.cz', 'sfr.fr', 'shaw.ca', 'sina.cn', 'sina.com', 'skynet.be', 'sky.com', 'sohu.com', 'sympatico.ca',
  't-online.de', 'talktalk.net', 'telenet.be', 'telus.net', 'terra.com.br', 'tiscali.it', 'tin.it', 'tuta.com',
  'tuta.io', 'ukr.net', 'uol.com.br', 'usa.net', 'verizon.net', 'videotron.ca', 'virgilio.it', 'virginmedia.com',
  'vip.qq.com', 'vodafone.de', 'vodafone.it', 'wanadoo.fr', 'web.de', 'windstream.net', 'wp.pl', 'xs4all.nl',
  'xtra.co.nz', 'ziggo.nl',
])
