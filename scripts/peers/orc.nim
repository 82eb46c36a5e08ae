# SPDX-License-Identifier: GPL-2.0
## What Nim's ORC takes for the graphs that refheap is measured on.
##
## usage: orc PART [OBJECTS]     (build: nim c --mm:orc -d:danger)
##
## Prints "refheap-bench: peer ..." lines; README.md tells what is timed. The
## collector runs when it is told to; its threshold would have it run while a
## graph is being made. A long chain overflows the stack: ORC frees what a freed
## object held by recursion, and there is no part for it.
import std/[algorithm, monotimes, os, strformat, strutils]

const
  pairsAtHub = 1000
  rounds = 3
  liveRounds = 5

type
  Node = ref object
    next: Node
  ListNode = ref object
    next, prev: ListNode
  TreeNode = ref object
    left, right, parent: TreeNode
  Hub = ref object
    objects: seq[Node]
    # So that a hub can be part of a cycle: what cannot is not traced.
    pair: HubNode
  HubNode = ref object
    next: HubNode
    hub: Hub

proc makePairs(n: int) =
  for _ in 1 .. n div 2:
    let a = Node()
    let b = Node()
    a.next = b
    b.next = a

proc makeRing(n: int) =
  let first = Node()
  var last = first
  for _ in 2 .. n:
    let node = Node()
    last.next = node
    last = node
  last.next = first

proc makeList(n: int) =
  var last = ListNode()
  for _ in 2 .. n:
    let node = ListNode()
    last.next = node
    node.prev = last
    last = node

proc makeTree(n: int) =
  ## The nodes in the order of a heap: node i is above 2i + 1 and 2i + 2.
  var nodes = newSeq[TreeNode](n)
  for node in nodes.mitems:
    node = TreeNode()
  for i in 1 ..< n:
    let parent = nodes[(i - 1) div 2]
    nodes[i].parent = parent
    if i mod 2 == 1:
      parent.left = nodes[i]
    else:
      parent.right = nodes[i]

proc makeLive(n: int): seq[Node] =
  ## A ring in a sequence: what is alive, and nothing of it garbage.
  result = newSeq[Node](n)
  for node in result.mitems:
    node = Node()
  for i in 0 ..< n:
    result[i].next = result[(i + 1) mod n]

proc peer(name: string, number: float, unit = "ns") =
  echo &"refheap-bench: peer {name} nim {number:.3f} {unit}"

proc median(numbers: seq[int64]): float =
  let inOrder = numbers.sorted
  inOrder[inOrder.len div 2].float

proc collect(): int64 =
  ## The time of one full collection.
  let start = getMonoTime().ticks
  GC_runOrc()
  getMonoTime().ticks - start

proc reclaim(shape: string, make: proc (n: int) {.nimcall.}, n: int) =
  var times: seq[int64]
  for _ in 1 .. rounds:
    GC_disableOrc() # a collection changes the threshold
    let before = getOccupiedMem()
    make(n)
    times.add collect()
    # An object takes 16 bytes or more.
    if getOccupiedMem() > before + n:
      quit &"nim: {getOccupiedMem() - before} bytes are left"
  peer("reclaim/" & shape, times.min.float / n.float)

proc live(n: int) =
  let objects = makeLive(n)
  discard collect()
  var touched, again: seq[int64]
  for _ in 1 .. liveRounds:
    var held: Node
    for i in 0 ..< n:
      held = objects[i]
    held = nil
    touched.add collect()
    again.add collect()
  peer("live/touched", touched.median / n.float)
  peer("live/touched-again", again.median / n.float)

proc makePairsAt(hub: Hub) =
  for _ in 1 .. pairsAtHub:
    let a = HubNode(hub: hub)
    let b = HubNode(hub: hub)
    a.next = b
    b.next = a

proc hub(n: int) =
  ## A thousand garbage pairs beside n live objects, all of which their hub holds.
  let hub = Hub(objects: makeLive(n))
  discard collect()
  var times: seq[int64]
  for _ in 1 .. liveRounds:
    GC_disableOrc() # a collection changes the threshold
    let before = getOccupiedMem()
    makePairsAt(hub)
    times.add collect()
    if getOccupiedMem() > before + pairsAtHub:
      quit &"nim: {getOccupiedMem() - before} bytes are left"
  peer(&"hub/{n}", times.median)

proc memory(n: int) =
  ## What an object takes beside its reference.
  let before = getOccupiedMem()
  makeRing(n)
  peer("memory/bookkeeping", (getOccupiedMem() - before).float / n.float - 8, "bytes")

proc main() =
  let n = if paramCount() > 1: paramStr(2).parseInt else: 1_000_000
  case paramStr(1)
  of "pairs": reclaim("pairs", makePairs, n)
  of "ring": reclaim("ring", makeRing, n)
  of "list": reclaim("list", makeList, n)
  of "tree": reclaim("tree", makeTree, n)
  of "live": live(n)
  of "hub": hub(n)
  of "memory": memory(n)
  of "version": echo "refheap-bench: note Nim ", NimVersion, ", --mm:orc -d:danger"
  else: quit "nim: no part " & paramStr(1)
  flushFile(stdout)
  # What is left is not worth taking apart.
  quit 0

main()
