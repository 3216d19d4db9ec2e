import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import * as v from 'valibot'
import * as yup from 'yup'

const valibot = v.object({
  name: v.pipe(v.string(), v.trim(), v.minLength(2)),
  age: v.optional(v.pipe(v.number(), v.integer())),
  mail: v.pipeAsync(v.string(), v.email(), v.checkAsync(async (it) => !it.startsWith('taken'), 'taken')) as never,
})
const yupUser = yup.object({ name: yup.string().trim().min(2).required(), age: yup.number().integer().positive(), mail: yup.string().email().required() })
const typebox = Type.Object({ name: Type.String({ minLength: 2 }), age: Type.Optional(Type.Integer()), mail: Type.RegExp(/^.+@.+$/) })

export default {
  async fetch(request) {
    const body = await request.json()
    const first = await v.safeParseAsync(v.objectAsync(valibot.entries), body)
    const second = await yupUser.validate(body, { abortEarly: false }).then((value) => ({ value }), (error: yup.ValidationError) => ({ errors: error.errors }))
    const third = [...Value.Errors(typebox, body)].map(({ path, message }) => `${path}: ${message}`)
    return Response.json({
      valibot: first.success ? first.output : v.flatten(first.issues as never),
      yup: second,
      typebox: third.length ? third : Value.Clean(typebox, body),
    }, { status: first.success ? 200 : 400 })
  },
} satisfies ExportedHandler
