<?php
// SPDX-License-Identifier: GPL-2.0
/*
 * What PHP's collector takes for the graphs that refheap is measured on.
 *
 * usage: php -n -d memory_limit=-1 php.php PART [OBJECTS]
 *
 * Prints "refheap-bench: peer ..." lines; README.md tells what is timed. The
 * collector runs when it is told to; as long as it is disabled it keeps its
 * list of candidates. PHP frees what a freed object held by recursion: longer
 * structures need "ulimit -s unlimited".
 */

const PAIRS_AT_HUB = 1000;
const ROUNDS = 3;
const LIVE_ROUNDS = 5;

final class Node { public ?Node $next = null; }

final class ListNode
{
	public ?ListNode $next = null;
	public ?ListNode $prev = null;
}

final class TreeNode
{
	public ?TreeNode $left = null;
	public ?TreeNode $right = null;
	public ?TreeNode $parent = null;
}

final class Hub { public array $objects = []; }

final class HubNode
{
	public ?HubNode $next = null;
	public ?Hub $hub = null;
}

function make_pairs(int $n): void
{
	for ($i = 0; $i < $n; $i += 2) {
		$a = new Node;
		$b = new Node;
		$a->next = $b;
		$b->next = $a;
	}
}

function make_ring(int $n): void
{
	$first = $last = new Node;
	for ($i = 1; $i < $n; $i++) {
		$new = new Node;
		$last->next = $new;
		$last = $new;
	}
	$last->next = $first;
}

function make_list(int $n): void
{
	$last = new ListNode;
	for ($i = 1; $i < $n; $i++) {
		$new = new ListNode;
		$last->next = $new;
		$new->prev = $last;
		$last = $new;
	}
}

/* The nodes in the order of a heap: node i is above 2i + 1 and 2i + 2. */
function make_tree(int $n): void
{
	$nodes = [];
	for ($i = 0; $i < $n; $i++)
		$nodes[] = new TreeNode;
	for ($i = 1; $i < $n; $i++) {
		$parent = $nodes[intdiv($i - 1, 2)];
		$nodes[$i]->parent = $parent;
		if ($i % 2)
			$parent->left = $nodes[$i];
		else
			$parent->right = $nodes[$i];
	}
}

function peer(string $name, float $number, string $unit = 'ns'): void
{
	printf("refheap-bench: peer %s php %.3f %s\n", $name, $number, $unit);
}

function median(array $numbers): float
{
	sort($numbers);
	return $numbers[intdiv(count($numbers), 2)];
}

/* The time of one collection, which has to find so many objects. */
function collect(int $at_least): int
{
	$start = hrtime(true);
	$found = gc_collect_cycles();
	$took = hrtime(true) - $start;
	if ($found < $at_least) {
		fwrite(STDERR, "php: $found objects collected, not $at_least\n");
		exit(1);
	}
	return $took;
}

function reclaim(string $shape, int $n): void
{
	$times = [];
	for ($i = 0; $i < ROUNDS; $i++) {
		"make_$shape"($n);
		$times[] = collect($n);
	}
	peer("reclaim/$shape", min($times) / $n);
}

function drop_chain(int $n): void
{
	$times = [];
	for ($i = 0; $i < ROUNDS; $i++) {
		$head = null;
		for ($j = 0; $j < $n; $j++) {
			$new = new Node;
			$new->next = $head;
			$head = $new;
		}
		unset($new);
		$start = hrtime(true);
		$head = null;
		$times[] = hrtime(true) - $start;
	}
	peer('chain/drop', min($times) / $n);
}

/* A ring in an array: what is alive, and nothing of it garbage. */
function make_live(int $n): array
{
	$objects = [];
	for ($i = 0; $i < $n; $i++)
		$objects[] = new Node;
	for ($i = 0; $i < $n; $i++)
		$objects[$i]->next = $objects[($i + 1) % $n];
	return $objects;
}

function live(int $n): void
{
	$objects = make_live($n);
	collect(0);
	$touched = $again = [];
	for ($i = 0; $i < LIVE_ROUNDS; $i++) {
		foreach ($objects as $object)
			$held = $object;
		unset($object, $held);
		$touched[] = collect(0);
		$again[] = collect(0);
	}
	peer('live/touched', median($touched) / $n);
	peer('live/touched-again', median($again) / $n);
}

/* A thousand garbage pairs beside $n live objects, all of which their hub holds. */
function hub(int $n): void
{
	$hub = new Hub;
	$hub->objects = make_live($n);
	collect(0);
	$times = [];
	for ($i = 0; $i < LIVE_ROUNDS; $i++) {
		for ($j = 0; $j < PAIRS_AT_HUB; $j++) {
			$a = new HubNode;
			$b = new HubNode;
			$a->next = $b;
			$b->next = $a;
			$a->hub = $b->hub = $hub;
		}
		unset($a, $b);
		$times[] = collect(2 * PAIRS_AT_HUB);
	}
	peer("hub/$n", median($times));
}

/* What an object takes beside its reference, which is a tagged word of 16. */
function memory(int $n): void
{
	$before = memory_get_usage();
	make_ring($n);
	peer('memory/bookkeeping', (memory_get_usage() - $before) / $n - 16, 'bytes');
}

function main(array $argv): void
{
	$part = $argv[1];
	$n = (int)($argv[2] ?? 1000000);
	gc_disable();
	match ($part) {
		'version' => printf("refheap-bench: note PHP %s\n", PHP_VERSION),
		'chain' => drop_chain($n),
		'live' => live($n),
		'hub' => hub($n),
		'memory' => memory($n),
		'pairs', 'ring', 'list', 'tree' => reclaim($part, $n),
	};
}

main($argv);
