/** Which addresses may be called. What counts is the address that is connected to, not the name it was asked for by: names change their answer. */
import { lookup as resolveName } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { DriverError } from '../ports/errors.ts';

/**
 * Where machines of a cloud are told their credentials, and the link-local networks such services live in: AWS, Azure, Google, Hetzner, DigitalOcean,
 * OpenStack (169.254.0.0/16), AWS over IPv6, Alibaba, Oracle, Azure's wire server, and the first of them through NAT64.
 */
const METADATA = ['169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254', 'fd20:ce::254', '100.100.100.200', '192.0.0.192', '168.63.129.16', '64:ff9b::a9fe:0/112'];

/** Networks (`10.0.0.0/8`) or single addresses. */
export interface AddressLists {
  /** Besides the metadata services of clouds, which are never called unless allowed. */
  readonly deny: readonly string[];
  /** Goes before every denial. */
  readonly allow: readonly string[];
}

export interface AddressGuard {
  /** Why this host may not be called, when it is an address; null: it may, or it is a name, which `lookup` judges when it is resolved. */
  refusal(host: string): DriverError | null;
  /** Resolves as usual and gives only addresses that may be called, so that the one connected to is the one that was checked. */
  readonly lookup: LookupFunction;
}

export function createAddressGuard(lists: AddressLists, resolve: typeof resolveName = resolveName): AddressGuard {
  const denied = blockList([...METADATA, ...lists.deny]);
  const allowed = blockList(lists.allow);
  const isDenied = (address: string): boolean => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return denied.check(address, family) && !allowed.check(address, family);
  };
  return {
    refusal: (host) => {
      const bare = host.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
      return isIP(bare) !== 0 && isDenied(bare) ? refused(bare) : null;
    },
    lookup: (hostname, options, callback) => {
      resolve(hostname, { ...options, all: true }, (error, found) => {
        if (error !== null) return callback(error, [], 0);
        const open = found.filter((each) => !isDenied(each.address));
        const [first] = open;
        if (first === undefined) return callback(refused(hostname), [], 0);
        if (options.all === true) callback(null, open);
        else callback(null, first.address, first.family);
      });
    },
  };
}

function refused(host: string): DriverError {
  return new DriverError('bad-request', `${host} is an address that may not be called (\`server.outbound\` in the configuration)`, { definite: true });
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
