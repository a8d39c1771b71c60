import { expect, it } from 'vitest'
import { mentionsAttachment } from '../../../src-renderer/compose/mentions-attachment.ts'

it.each([
  'Please find the invoice attached.',
  'I am attaching the form.',
  'See the attachment for details.',
  'Find enclosed our offer.',
  'Im Anhang finden Sie die Rechnung.',
  'Anbei das Formular.',
  'Die Datei ist beigefügt.',
  'Vous trouverez la facture en pièce jointe.',
  'Ci-joint le formulaire.',
  'Adjunto la factura.',
  'Segue em anexo a fatura.',
  'In allegato trova la fattura.',
  'In de bijlage vindt u de factuur.',
  'W załączniku przesyłam fakturę.',
  'V příloze posílám fakturu.',
  'Jag bifogar fakturan.',
  'Se vedhæftet fil.',
  'Liitteenä lasku.',
  'Fatura ekte yer almaktadır.',
  'Счёт во вложении.',
  'ファイルを添付します。',
  '请见附件。',
  'الملف مرفق',
])('a file is announced: %s', (text) => {
  expect(mentionsAttachment(text)).not.toBeNull()
})

it.each([
  'Thank you for your order.',
  'I could not open your attachment.',
  'The mail came without attachment.',
  'Ihr Anhang war leer.',
  'Your mail had no attachment, please send it again.',
  'The attaché will call you.',
  '',
])('no file is announced: %s', (text) => {
  expect(mentionsAttachment(text)).toBeNull()
})

it('a file of ours beside one of theirs is announced', () => {
  expect(mentionsAttachment('I read your attachment. My answer is attached.')).toBe('attached')
})
