import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { AwsClient } from 'aws4fetch'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const signingDate = new Date(Date.UTC(2026, 0, 2, 3, 4, 5))

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url)
    const endpoint = request.headers.get('x-upstream') ?? 'https://account.r2.cloudflarestorage.com'
    const s3 = new S3Client({ region: 'auto', endpoint, credentials, forcePathStyle: true, maxAttempts: 1 })
    switch (pathname) {
      case '/presign': {
        const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket: 'files', Key: 'größe & more.txt' }), { expiresIn: 600, signingDate })
        const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket: 'files', Key: 'a.png', ContentType: 'image/png' }), { expiresIn: 60, signingDate, signableHeaders: new Set(['content-type']) })
        return Response.json({ get, put })
      }
      case '/aws4fetch': {
        const client = new AwsClient({ ...credentials, service: 's3', region: 'auto' })
        const signed = await client.sign('https://files.example.com/a b/ü.txt?x=1', { method: 'PUT', body: 'hello', headers: { 'content-type': 'text/plain' }, aws: { datetime: '20260102T030405Z' } })
        const query = await client.sign('https://files.example.com/c', { aws: { signQuery: true, datetime: '20260102T030405Z' } })
        return Response.json({ url: signed.url, authorization: signed.headers.get('authorization'), date: signed.headers.get('x-amz-date'), query: query.url })
      }
      default: {
        const put = await s3.send(new PutObjectCommand({ Bucket: 'files', Key: 'ü.txt', Body: 'grüezi', Metadata: { by: 'ada' } }))
        const got = await s3.send(new GetObjectCommand({ Bucket: 'files', Key: 'ü.txt' }))
        // Answers in XML are for a DOMParser, which Workers have not: the browsers' build of the SDK is bundled.
        const failed = await s3.send(new GetObjectCommand({ Bucket: 'files', Key: 'missing' })).catch((error: Error) => ({ name: error.name, message: error.message.split('\n')[0] }))
        const gone = await s3.send(new DeleteObjectCommand({ Bucket: 'files', Key: 'ü.txt' }))
        return Response.json({
          put: put.ETag, got: await got.Body!.transformToString(), type: got.ContentType, metadata: got.Metadata,
          failed, gone: gone.$metadata.httpStatusCode,
        })
      }
    }
  },
} satisfies ExportedHandler
