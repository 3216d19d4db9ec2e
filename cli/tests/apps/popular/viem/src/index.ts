import { createPublicClient, custom, decodeFunctionResult, encodeFunctionData, formatEther, getContractAddress, hashTypedData, keccak256, parseAbi, parseEther, recoverMessageAddress, toHex, verifyMessage } from 'viem'
import { mnemonicToAccount, privateKeyToAccount } from 'viem/accounts'
import { mainnet } from 'viem/chains'

const account = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
const abi = parseAbi(['function balanceOf(address owner) view returns (uint256)', 'event Transfer(address indexed from, address indexed to, uint256 amount)'])
const chain = createPublicClient({
  chain: mainnet,
  transport: custom({
    request: async ({ method }: { method: string }) => (method === 'eth_blockNumber' ? '0x10' : method === 'eth_call' ? toHex(5n, { size: 32 }) : '0x1'),
  }),
})

const typed = {
  domain: { name: 'Mail', version: '1', chainId: 1 },
  types: { Mail: [{ name: 'to', type: 'address' }, { name: 'contents', type: 'string' }] },
  primaryType: 'Mail',
  message: { to: account.address, contents: 'grüezi' },
} as const

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const message = url.searchParams.get('message') ?? 'hello'
    switch (url.pathname) {
      case '/sign': {
        const signature = await account.signMessage({ message })
        return Response.json({ signature, by: await recoverMessageAddress({ message, signature }), valid: await verifyMessage({ address: account.address, message, signature }), other: await verifyMessage({ address: account.address, message: 'x', signature }) })
      }
      case '/typed':
        return Response.json({ hash: hashTypedData(typed), signature: await account.signTypedData(typed) })
      case '/transaction':
        return Response.json({ raw: await account.signTransaction({ to: account.address, value: parseEther('1.5'), nonce: 1, gas: 21000n, maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 1n, chainId: 1, type: 'eip1559' }) })
      case '/wallet':
        return Response.json({ address: mnemonicToAccount('test test test test test test test test test test test junk').address })
      case '/call': {
        const balance = await chain.readContract({ address: account.address, abi, functionName: 'balanceOf', args: [account.address] })
        return Response.json({ balance: String(balance), block: String(await chain.getBlockNumber()) })
      }
      default:
        return Response.json({
          keccak: keccak256(toHex(message)),
          call: encodeFunctionData({ abi, functionName: 'balanceOf', args: [account.address] }),
          result: String(decodeFunctionResult({ abi, functionName: 'balanceOf', data: toHex(7n, { size: 32 }) })),
          ether: formatEther(123456789012345678n),
          contract: getContractAddress({ from: account.address, nonce: 0n }),
        })
    }
  },
} satisfies ExportedHandler
