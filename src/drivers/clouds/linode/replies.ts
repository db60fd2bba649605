import { z } from 'zod';

const text = z.string().max(1000);

/** What is needed of a Linode; everything else it has is passed over. */
export const linodeReply = z.object({
  id: z.int().positive(),
  label: text,
  status: text,
  created: text.nullish(),
  region: text,
  type: text.nullish(),
  image: text.nullish(),
  group: text.nullish(),
  ipv4: z.array(text).max(100).default([]),
  ipv6: text.nullish(),
  tags: z.array(text).max(1000).default([]),
  hypervisor: text.nullish(),
  backups: z.object({ enabled: z.boolean().default(false) }).nullish(),
  specs: z
    .object({
      disk: z.number().default(0),
      memory: z.number().default(0),
      vcpus: z.number().default(0),
      gpus: z.number().default(0),
      transfer: z.number().default(0),
    })
    .nullish(),
});
export type LinodeReply = z.output<typeof linodeReply>;

const price = z.object({ hourly: z.number().nonnegative().nullish() });
export const typeReply = z.object({
  id: text,
  price: price.nullish(),
  region_prices: z
    .array(price.extend({ id: text }))
    .max(1000)
    .nullish(),
});
export const typesReply = z.object({ data: z.array(typeReply).max(2000) });

/** Addresses of one Linode, as far as they are asked for. */
export const addressesReply = z.object({
  ipv4: z.object({
    public: z.array(z.object({ address: text })).default([]),
    private: z.array(z.object({ address: text })).default([]),
    vpc: z.array(z.object({ address: text.nullish() })).nullish(),
  }),
});
export type AddressesReply = z.output<typeof addressesReply>;

export const ipReply = z.object({ address: text, public: z.boolean(), rdns: text.nullish() });
export type IpReply = z.output<typeof ipReply>;
export const ipv6RangeReply = z.object({ range: text, prefix: z.int(), route_target: text.nullish() });
export type Ipv6RangeReply = z.output<typeof ipv6RangeReply>;
