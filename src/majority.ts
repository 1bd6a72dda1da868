// What a majority of voters is, and whether each one has data among it. For the core, which decides by it, and for the client, which says
// beforehand what the core would refuse. Knows no members.

/** How many of so many voters are a majority. */
export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1
}

/** Whether in every majority of so many voters, with so many witnesses among them, somebody is no witness. */
export function majoritiesHaveData(voters: number, witnesses: number): boolean {
  return voters === 0 || witnesses < majority(voters)
}
