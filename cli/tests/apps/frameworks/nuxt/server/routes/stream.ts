export default defineEventHandler((event) => {
  const stream = createEventStream(event)
  const send = async () => {
    for (const word of ['one', 'two', 'three']) await stream.push(word)
    await stream.close()
  }
  void send()
  return stream.send()
})
