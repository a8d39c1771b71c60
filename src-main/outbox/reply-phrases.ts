/** What stands above a quoted or forwarded original, in the words that mail programs of that language use. */
export interface ReplyPhrases {
  readonly wrote: (date: string, time: string, who: string) => string
  readonly forwarded: string
  readonly from: string
  readonly date: string
  readonly subject: string
  readonly to: string
  readonly cc: string
}

const ENGLISH: ReplyPhrases = {
  wrote: (date, time, who) => `On ${date} at ${time}, ${who} wrote:`,
  forwarded: 'Forwarded message',
  from: 'From',
  date: 'Date',
  subject: 'Subject',
  to: 'To',
  cc: 'Cc',
}

const PHRASES: Readonly<Record<string, ReplyPhrases>> = {
  en: ENGLISH,
  de: {
    wrote: (date, time, who) => `Am ${date} um ${time} schrieb ${who}:`,
    forwarded: 'Weitergeleitete Nachricht',
    from: 'Von',
    date: 'Datum',
    subject: 'Betreff',
    to: 'An',
    cc: 'Kopie',
  },
  fr: {
    wrote: (date, time, who) => `Le ${date} à ${time}, ${who} a écrit :`,
    forwarded: 'Message transféré',
    from: 'De',
    date: 'Date',
    subject: 'Objet',
    to: 'À',
    cc: 'Cc',
  },
  es: {
    wrote: (date, time, who) => `El ${date} a las ${time}, ${who} escribió:`,
    forwarded: 'Mensaje reenviado',
    from: 'De',
    date: 'Fecha',
    subject: 'Asunto',
    to: 'Para',
    cc: 'Cc',
  },
  it: {
    wrote: (date, time, who) => `Il giorno ${date} alle ore ${time}, ${who} ha scritto:`,
    forwarded: 'Messaggio inoltrato',
    from: 'Da',
    date: 'Data',
    subject: 'Oggetto',
    to: 'A',
    cc: 'Cc',
  },
  nl: {
    wrote: (date, time, who) => `Op ${date} om ${time} schreef ${who}:`,
    forwarded: 'Doorgestuurd bericht',
    from: 'Van',
    date: 'Datum',
    subject: 'Onderwerp',
    to: 'Aan',
    cc: 'Cc',
  },
  pt: {
    wrote: (date, time, who) => `Em ${date} às ${time}, ${who} escreveu:`,
    forwarded: 'Mensagem encaminhada',
    from: 'De',
    date: 'Data',
    subject: 'Assunto',
    to: 'Para',
    cc: 'Cc',
  },
  sv: {
    wrote: (date, time, who) => `Den ${date} kl. ${time} skrev ${who}:`,
    forwarded: 'Vidarebefordrat meddelande',
    from: 'Från',
    date: 'Datum',
    subject: 'Ämne',
    to: 'Till',
    cc: 'Kopia',
  },
}

/** The phrases of a language (BCP 47), English where it has none here. */
export function replyPhrases(language: string): ReplyPhrases {
  return PHRASES[language.toLowerCase().split(/[-_]/)[0] ?? ''] ?? ENGLISH
}
