// `db.members`: the list, and what changes it. Checks the options of the calls; knows no bytes and no retries.
import { RafterError } from '../../errors.js'
import type { CallOptions, Member, MemberRef, Members, MembersChange, MemberUpdate, NewMember, RemoveOptions } from '../api.js'
import { checkCall } from '../arguments/call-options.js'
import { checkNames } from '../arguments/option-names.js'
import { describe } from '../text/describe.js'
import { shownMembers } from '../wire/membership.js'
import type { MemberChanges } from './member-changes.js'
import type { MemberRequests } from './member-requests.js'
import { type Plan, planAdd, planPromote, planRemove, planReplace, planUpdate } from './wanted.js'

const REMOVE = ['signal', 'timeout', 'force']

export function memberList(requests: MemberRequests, changes: MemberChanges): Members {
  const list = async (options: CallOptions = {}): Promise<Member[]> => {
    checkCall(options)
    return shownMembers(await requests.membership('members', options))
  }
  const make = (call: string, plan: Plan, options: RemoveOptions): Promise<MembersChange> => changes.make(call, plan, options)
  return Object.assign((options?: CallOptions) => list(options), {
    list,
    add: async (member: NewMember, options: CallOptions = {}) => {
      checkCall(options)
      return make('add', planAdd(member), options)
    },
    promote: async (member: MemberRef, options: CallOptions = {}) => {
      checkCall(options)
      return make('promote', planPromote(member), options)
    },
    remove: async (member: MemberRef, options: RemoveOptions = {}) => {
      checkRemove(options)
      return make('remove', planRemove(member), options)
    },
    update: async (member: MemberRef, to: MemberUpdate, options: CallOptions = {}) => {
      checkCall(options)
      return make('update', planUpdate(member, to), options)
    },
    replace: async (member: MemberRef, by: MemberRef, options: RemoveOptions = {}) => {
      checkRemove(options)
      return make('replace', planReplace(member, by), options)
    },
  })
}

function checkRemove(options: RemoveOptions): void {
  checkNames(options, REMOVE)
  const { force } = options
  if (force === undefined || typeof force === 'boolean') return
  throw new RafterError('INVALID_ARGUMENT', `force is true or false, not ${describe(force)}`)
}
