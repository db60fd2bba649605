/** What is wanted of a cloud or a balancer: to look, or to change it too. */
export type Need = 'read' | 'act';

/** Where machines are, or must be, in the words of one vendor. Two places can be compared only when their realms are the same. */
export interface Place {
  /** Whose words these are: `linode`. */
  readonly realm: string;
  /** `eu-central`. A machine elsewhere cannot be a member. */
  readonly region: string;
  /** Over which network members are reached (`private addresses`, `VPC subnet 7`); null: any will do. */
  readonly network: string | null;
}
