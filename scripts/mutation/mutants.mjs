// Makes the mutants of one source file: small changes of its conditions, its statements and its arithmetic, one at a time.
// Knows syntax only; which of them anybody notices is for the checks.
//
// What is mutated: each comparison to its neighbours; each condition and each operand of one to true and false; && and ||;
// ! left out; + and -, * and /, the bounds of Math.min and Math.max, numbers by one, true and false; messages that wait for
// the disk go at once, and the other way round; each statement that is a call, an assignment, a return or a jump is deleted.
// What is not: types; the fixed fields of messages (zeros in object literals); the numbers that fields begin with. Asserts are
// neither deleted nor loosened, as they are silent until something else is broken, only made stricter; nor is what they say.
import { createHash } from 'node:crypto'
import ts from 'typescript'

const K = ts.SyntaxKind

const COMPARISONS = new Map([
  [K.LessThanToken, ['<=', '>=']],
  [K.LessThanEqualsToken, ['<', '>']],
  [K.GreaterThanToken, ['>=', '<=']],
  [K.GreaterThanEqualsToken, ['>', '<']],
  [K.EqualsEqualsEqualsToken, ['!==']],
  [K.ExclamationEqualsEqualsToken, ['===']],
])
const SWAPS = new Map([
  [K.PlusToken, '-'],
  [K.MinusToken, '+'],
  [K.AsteriskToken, '/'],
  [K.SlashToken, '*'],
  [K.PercentToken, '*'],
  [K.PlusEqualsToken, '-='],
  [K.MinusEqualsToken, '+='],
  [K.AmpersandAmpersandToken, '||'],
  [K.BarBarToken, '&&'],
])
const METHODS = new Map([
  ['Math.max', 'Math.min'],
  ['Math.min', 'Math.max'],
  ['Math.floor', 'Math.ceil'],
  ['Math.ceil', 'Math.floor'],
])
const NAMES = new Map([
  ['some', 'every'],
  ['every', 'some'],
  ['AT_ONCE', 'DURABLE'],
  ['DURABLE', 'AT_ONCE'],
])
const STRICTER = new Map([
  [K.LessThanEqualsToken, '<'],
  [K.GreaterThanEqualsToken, '>'],
])

/** All mutants of a file; `name`: how it is shown, as `raft/vote.ts`. */
export function mutantsOf(name, text) {
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true)
  const mutants = []
  const seen = new Map()
  /** `shown`: the node in whose words the change is told, around the one that changes. */
  const add = (node, replacement, shown = node) => {
    const [start, end] = [node.getStart(source), node.getEnd()]
    const [from, to] = [shown.getStart(source), shown.getEnd()]
    const change = `${text.slice(from, start)}${replacement}${text.slice(end, to)}`
    if (text.slice(from, to) === change) return
    const after = replacement === '' || replacement === ';' ? 'deleted' : oneLine(change)
    const base = `${name} ${functionOf(node)}: ${oneLine(text.slice(from, to))} → ${after}`
    const count = (seen.get(base) ?? 0) + 1
    seen.set(base, count)
    const identity = count === 1 ? base : `${base} (${count})`
    const line = source.getLineAndCharacterOfPosition(start).line + 1
    mutants.push({ id: shortHash(identity), identity, file: name, line, start, end, replacement })
  }
  new Visitor(source, add).visit(source)
  return mutants
}

/** The file's text with one mutant in it. */
export function applied(text, { start, end, replacement }) {
  return text.slice(0, start) + replacement + text.slice(end)
}

class Visitor {
  #source
  #add

  constructor(source, add) {
    this.#source = source
    this.#add = add
  }

  visit(node) {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isImportDeclaration(node))
      return
    if (ts.isExpressionStatement(node) && this.#isAssert(node.expression)) {
      this.#tighten(node.expression.arguments[0])
      return
    }
    if (ts.isVariableStatement(node) && this.#isForAsserts(node)) {
      this.#tighten(node.declarationList.declarations[0].initializer)
      return
    }
    this.#statement(node)
    this.#condition(node)
    this.#expression(node)
    ts.forEachChild(node, (child) => this.visit(child))
  }

  #isAssert(node) {
    return ts.isCallExpression(node) && node.expression.getText(this.#source) === 'assert'
  }

  /** `const ordered = …`, when only asserts ask for it. */
  #isForAsserts(node) {
    const [{ name, initializer }] = node.declarationList.declarations
    if (!ts.isIdentifier(name) || initializer === undefined || !ts.isBinaryExpression(initializer)) return false
    const uses = []
    const visit = (at, inAssert) => {
      if (ts.isIdentifier(at) && at !== name && at.text === name.text && at.parent.kind !== K.PropertyAccessExpression)
        uses.push(inAssert)
      ts.forEachChild(at, (child) => visit(child, inAssert || this.#isAssert(at)))
    }
    visit(node.parent, false)
    return uses.length > 0 && uses.every((inAssert) => inAssert)
  }

  /** A stricter assert stops a member that did nothing wrong. */
  #tighten(node) {
    if (ts.isBinaryExpression(node)) {
      const stricter = STRICTER.get(node.operatorToken.kind)
      if (stricter !== undefined) this.#add(node, this.#withOperator(node, stricter))
      if (node.operatorToken.kind === K.BarBarToken) for (const side of [node.left, node.right]) this.#add(side, 'false')
    }
    ts.forEachChild(node, (child) => this.#tighten(child))
  }

  #statement(node) {
    const deletable =
      ts.isExpressionStatement(node) ||
      ts.isReturnStatement(node) ||
      ts.isThrowStatement(node) ||
      ts.isBreakStatement(node) ||
      ts.isContinueStatement(node)
    if (deletable) this.#add(node, ts.isBlock(node.parent) ? '' : ';')
  }

  /** True and false in the place of conditions: of the whole, and of operands where that does not decide the whole. */
  #condition(node) {
    if (!this.#isCondition(node)) return
    const { parent } = node
    const operator = ts.isBinaryExpression(parent) ? parent.operatorToken.kind : undefined
    if (operator === K.AmpersandAmpersandToken) this.#add(node, 'true')
    else if (operator === K.BarBarToken) this.#add(node, 'false')
    else if (!(ts.isPrefixUnaryExpression(parent) && parent.operator === K.ExclamationToken)) {
      this.#add(node, 'true')
      this.#add(node, 'false')
      if (ts.isCallExpression(node) || ts.isPropertyAccessExpression(node) || ts.isIdentifier(node)) {
        this.#add(node, `!${node.getText(this.#source)}`)
      }
    }
  }

  #isCondition(node) {
    const { parent } = node
    if (parent === undefined || ts.isParenthesizedExpression(node)) return false
    if (!ts.isExpression(node) || node.kind === K.TrueKeyword || node.kind === K.FalseKeyword) return false
    const outer = ts.isParenthesizedExpression(parent) ? parent : node
    const above = outer.parent
    if ((ts.isIfStatement(above) || ts.isWhileStatement(above) || ts.isDoStatement(above)) && above.expression === outer)
      return true
    if ((ts.isForStatement(above) || ts.isConditionalExpression(above)) && above.condition === outer) return true
    if (ts.isBinaryExpression(above) && isLogical(above)) return true
    if (ts.isBinaryExpression(node)) return COMPARISONS.has(node.operatorToken.kind) || isLogical(node)
    return ts.isPrefixUnaryExpression(node) && node.operator === K.ExclamationToken
  }

  #expression(node) {
    const text = node.getText(this.#source)
    if (ts.isBinaryExpression(node)) this.#binary(node)
    else if (ts.isPrefixUnaryExpression(node) && node.operator === K.ExclamationToken)
      this.#add(node, node.operand.getText(this.#source))
    else if (ts.isCallExpression(node)) this.#call(node)
    else if (ts.isNumericLiteral(node) && !ts.isPropertyAssignment(node.parent) && !ts.isPropertyDeclaration(node.parent))
      this.#number(node)
    else if (node.kind === K.TrueKeyword && !ts.isWhileStatement(node.parent)) this.#add(node, 'false', node.parent)
    else if (node.kind === K.FalseKeyword) this.#add(node, 'true', node.parent)
    else if (ts.isIdentifier(node) && NAMES.has(text) && this.#isUse(node)) this.#add(node, NAMES.get(text), node.parent)
  }

  #isUse({ parent }) {
    return !ts.isVariableDeclaration(parent) && !ts.isTypeNode(parent)
  }

  #binary(node) {
    const { left, operatorToken, right } = node
    for (const other of COMPARISONS.get(operatorToken.kind) ?? []) this.#add(node, this.#withOperator(node, other))
    const isText = [left, right].some((side) => ts.isStringLiteral(side) || ts.isTemplateExpression(side))
    if (SWAPS.has(operatorToken.kind) && !isText) this.#add(node, this.#withOperator(node, SWAPS.get(operatorToken.kind)))
    if (operatorToken.kind === K.QuestionQuestionToken) {
      this.#add(node, left.getText(this.#source))
      this.#add(node, right.getText(this.#source))
    }
  }

  #call(node) {
    const name = node.expression.getText(this.#source)
    if (METHODS.has(name)) this.#add(node.expression, METHODS.get(name), node)
    if (name !== 'Math.max' && name !== 'Math.min') return
    for (const argument of node.arguments) if (!ts.isSpreadElement(argument)) this.#add(node, argument.getText(this.#source))
  }

  #number(node) {
    const value = Number(node.text)
    this.#add(node, value === 1 ? '0' : `${value + 1}`, node.parent)
  }

  #withOperator({ left, right }, operator) {
    return `${left.getText(this.#source)} ${operator} ${right.getText(this.#source)}`
  }
}

function isLogical(node) {
  return node.operatorToken.kind === K.AmpersandAmpersandToken || node.operatorToken.kind === K.BarBarToken
}

/** `Class.method`, `function`, or the constant that it initializes. */
function functionOf(node) {
  const names = []
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (ts.isConstructorDeclaration(at)) names.unshift('constructor')
    else if (ts.isVariableDeclaration(at) && at.parent.parent?.parent?.kind !== K.SourceFile) continue
    else if (
      at.name !== undefined &&
      (ts.isClassElement(at) || ts.isFunctionDeclaration(at) || ts.isClassDeclaration(at) || ts.isVariableDeclaration(at))
    ) {
      names.unshift(at.name.getText())
    }
  }
  return names.join('.') || 'top'
}

function oneLine(text) {
  return text.replace(/\s+/g, ' ').trim()
}

function shortHash(text) {
  return createHash('sha1').update(text).digest('hex').slice(0, 6)
}
