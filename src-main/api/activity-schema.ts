import { z } from 'zod'

/** Answers and bodies of the activity response API, for its documents (contract 05). What comes in is read by activity-body.ts. */
export const idSchema = z.object({ id: z.string().regex(/^\d+$/) })
export const altIdSchema = z.object({ altId: z.uuid() })
export const errorSchema = z.object({
  code: z.string().regex(/^\d{3}-\d{3}$/),
  developerMessage: z.string(),
})
const addressText = z.string().max(254)
const attachmentSchema = z.object({
  altId: z.uuid().meta({ description: 'From an upload: kept 24 hours, for one use.' }),
  inline: z.boolean().optional(),
  contentId: z
    .string()
    .max(255)
    .optional()
    .meta({ description: 'For inline ones: what cid: in the HTML names.' }),
})
const attributeSchema = z.object({ name: z.string(), value: z.string() })
export const responseSchema = z.object({
  type: z.object({ value: z.literal('email'), subtype: z.object({ value: z.literal('general') }) }),
  subject: z.string().max(1_024).optional(),
  payload: z
    .object({
      email: z
        .object({
          content: z.object({ text: z.string().optional(), html: z.string().optional() }).optional(),
          emailAddresses: z
            .object({
              from: addressText
                .optional()
                .meta({ description: 'One of the customer’s; not with “customer”.' }),
              receiver: addressText.optional().meta({ description: 'An active alias.' }),
              replyTo: addressText.optional(),
            })
            .optional(),
          messageCenter: z.object({ id: z.string() }).optional(),
        })
        .optional(),
    })
    .optional(),
  issueType: z.object({ id: z.string() }).optional(),
  customAttributes: z
    .union([
      z.object({ customAttribute: z.union([attributeSchema, z.array(attributeSchema)]) }),
      z.record(z.string(), z.string()),
    ])
    .optional(),
  attachments: z.object({ attachment: z.union([attachmentSchema, z.array(attachmentSchema)]) }).optional(),
})

/** Of both calls. */
export const ERRORS = {
  400: { description: 'What is wrong; the code names the rule.', body: errorSchema },
  401: { description: 'No key, a wrong one, or one that stands for no customer.', body: errorSchema },
  403: {
    description: 'The key lacks the right activity:respond, or the activity is not the customer’s.',
    body: errorSchema,
  },
  406: { description: 'Neither application/json nor application/xml is accepted.', body: errorSchema },
  409: { description: 'The Idempotency-Key was used for another request.', body: errorSchema },
  500: { description: 'Nothing was stored; try again.', body: errorSchema },
} as const
