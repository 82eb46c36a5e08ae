(* SPDX-License-Identifier: GPL-2.0 *)
(*
 * The closure rule of module/judge.c, for any number of objects, slots,
 * references and threads, any interleaving, and any set on trial.
 *
 * What is modelled
 *
 * A run is a sequence of atomic steps (label, ok, effect), one for each atomic
 * instruction of the module that changes a word, a slot or the verdict.  Every
 * reference has an identity, which the kernel has not; its place says whether
 * it lies in a slot, where it counts as an edge, or in somebody's hands.  A
 * step does not say which thread takes it: where a rule asks that its author
 * holds an object, the model asks that anybody does, which allows more.
 *
 *   M1  Get, Acquire, Alloc, Pin raise the count as the reference comes into
 *	 being, Put lowers it as it ceases to be (lemma M1)
 *   M2  Put changes the version, Take after a reference has left a slot, and
 *	 Fly before it enters one: one that has left a slot (Removed) or is held
 *	 (Hand) has to become Flying before it is published
 *   M3  Xchg and Get need a chain: a reference that is in nobody's slot, and
 *	 from its target on slots, up to the object.  A Flying one begins no
 *	 chain but for its own publication; nobody but its mover knows it
 *
 * The collector's readings do not change the state, so they are instants:
 * r x and c x of the words, and one for each slot read.  Its own references
 * (refisland_revive()) are Pins.  Only what has no reference may lose slots
 * to somebody who does not hold it: its releaser (Clear).
 *
 * Both theorems say "closed": the judgement of refisland_judge() and the second
 * reading of refisland_condemn() leave no reference to a member but the edges
 * seen and the pins, from then on, until the collector itself does something
 * about it.  closed_by_version: if no version has changed between the readings.
 * closed_by_mark: if none has been marked, and the counts add up ("A version
 * that wraps").  The lemmas from all_accounted on are (1), (2) and (3) there.
 * At the end are runs in which one rule is broken, and a reference survives.
 *
 * To be read: label, ok, effect; the hypotheses of Section Trial; the theorems.
 *
 * What is assumed: that M1 holds to begin with, and what the sections say of the
 * trial.  No axioms; "Print Assumptions" at the end shows it.
 *
 * What is not modelled: weak memory (see litmus/); counts that saturate; heaps'
 * other islands and the reclaiming of one that is dead; whether anything is
 * ever collected.
 *)
Require Import List Arith Lia Bool.
Import ListNotations.

Definition obj := nat.
Definition ref := nat.
Definition time := nat.

Inductive place_of := Nowhere | Slot (owner : obj) (index : nat)
  | Removed		(* out of a slot, and the version not yet changed *)
  | Hand		(* held *)
  | Flying		(* counted and with a new version: about to enter a slot *)
  | Pin.		(* the collector's own *)

Inductive verdict_of := None_yet | Trying | Rescued | Dead.

Record state := State {
  count : obj -> nat;
  version : obj -> nat;
  marked : obj -> bool;			(* MARKED or FRESH *)
  condemned : obj -> bool;
  verdict : verdict_of;
  place : ref -> place_of;
  target : ref -> obj
}.

Inductive label :=
  | Get (r : ref) (x : obj) (chain : list ref) (fly : bool) (* refobj_get() *)
  | Acquire (r : ref) (x : obj)		(* refobj_acquire()'s last line *)
  | Alloc (r : ref) (x : obj)		(* refobj_init() *)
  | Put (r : ref)			(* refobj_drop() *)
  | Take (r : ref)			(* refobj_moved(obj, false) *)
  | Fly (r : ref)			(* refobj_moved(obj, true) *)
  | Xchg (o : obj) (i : nat) (new old : option ref) (chain : list ref)
					(* refslot_set(), _clear(), _publish() ... *)
  | Clear (o : obj) (i : nat) (old : ref) (* refobj_clear() *)
  | Rescue				(* refobj_condemned() *)
  | Try | Condemn (x : obj) | Decide	(* refisland_condemn() *)
  | Pin_it (r : ref) (x : obj) | Revive (* refisland_revive() *)
  | Clean (x : obj)			(* refcandidate_look(), refisland_unmark() *)
  | Idle.

Definition upd {A} (f : nat -> A) (x : nat) (v : A) : nat -> A :=
  fun y => if y =? x then v else f y.

(* M3: from [from] along slots to [x]. *)
Fixpoint leads s (from : obj) (chain : list ref) (x : obj) : bool :=
  match chain with
  | [] => from =? x
  | r :: rest =>
      match place s r with
      | Slot o _ => (o =? from) && leads s (target s r) rest x
      | _ => false
      end
  end.

Definition holds s (own : option ref) (chain : list ref) (x : obj) : bool :=
  match chain with
  | [] => false
  | r :: rest =>
      match place s r, own with
      | Hand, _ | Removed, _ => leads s (target s r) rest x
      | Flying, Some n => (n =? r) && leads s (target s r) rest x
      | _, _ => false
      end
  end.

Definition nowhere s r := match place s r with Nowhere => true | _ => false end.
Definition loose s r :=
  match place s r with Hand | Removed => true | _ => false end.
Definition flying s r := match place s r with Flying => true | _ => false end.
Definition pinned s r := match place s r with Pin => true | _ => false end.
Definition in_slot s r o i :=
  match place s r with Slot o' i' => (o' =? o) && (i' =? i) | _ => false end.
Definition all_of (p : ref -> bool) (r : option ref) :=
  match r with Some r => p r | None => true end.

(* When a step may be taken. *)
Definition ok (l : label) (s : state) : bool :=
  match l with
  | Get r x chain _ => nowhere s r && holds s None chain x
  | Acquire r x => nowhere s r && negb (count s x =? 0) &&
      (negb (condemned s x) ||
       match verdict s with Trying | Dead => false | _ => true end)
  | Alloc r x => nowhere s r && (count s x =? 0)
  | Put r => loose s r || pinned s r
  | Take r => match place s r with Removed => true | _ => false end
  | Fly r => loose s r
  | Xchg o i new old chain => holds s new chain o && all_of (flying s) new &&
      all_of (fun r => in_slot s r o i) old
  | Clear o i old => (count s o =? 0) && in_slot s old o i
  | Pin_it r x => nowhere s r && negb (count s x =? 0)
  | Decide => match verdict s with Trying => true | _ => false end
  | Rescue | Try | Condemn _ | Revive | Clean _ | Idle => true
  end.

Definition word s x n v m : state :=
  State (upd (count s) x n) (upd (version s) x v) (upd (marked s) x m)
        (condemned s) (verdict s) (place s) (target s).
Definition put_at s r p x : state :=
  State (count s) (version s) (marked s) (condemned s) (verdict s)
        (upd (place s) r p) (upd (target s) r x).
Definition move s r p := put_at s r p (target s r).
Definition set_verdict s v : state :=
  State (count s) (version s) (marked s) (condemned s) v (place s) (target s).
Definition set_condemned s x b m : state :=
  State (count s) (version s) (upd (marked s) x m) (upd (condemned s) x b)
        (verdict s) (place s) (target s).

Definition add s r x p :=
  put_at (word s x (S (count s x)) (S (version s x)) (marked s x)) r p x.

Section Rules.
(* By how much a move changes the version: 1, and 0 where M2 is broken. *)
Variable m2 : nat.

Definition effect (l : label) (s : state) : state :=
  match l with
  | Get r x _ fly => add s r x (if fly then Flying else Hand)
  | Acquire r x => add s r x Hand
  | Alloc r x => put_at (word s x 1 (S (version s x)) true) r Hand x
  | Put r => let x := target s r in
      move (word s x (pred (count s x)) (S (version s x)) true) r Nowhere
  | Take r => let x := target s r in
      move (word s x (count s x) (m2 + version s x) (marked s x)) r Hand
  | Fly r => let x := target s r in
      move (word s x (count s x) (m2 + version s x) true) r Flying
  | Xchg o i new old _ =>
      let s' := match new with Some r => move s r (Slot o i) | None => s end in
      match old with Some r => move s' r Removed | None => s' end
  | Clear _ _ old => move s old Removed
  | Rescue => match verdict s with Trying => set_verdict s Rescued | _ => s end
  | Try => set_verdict s Trying
  | Condemn x => set_condemned s x true (marked s x)
  | Decide => set_verdict s Dead
  | Pin_it r x => add s r x Pin
  | Revive => set_verdict s None_yet
  | Clean x => set_condemned s x false false
  | Idle => s
  end.
End Rules.

Definition step l s s' := ok l s = true /\ s' = effect 1 l s.

(* --- what single steps do --------------------------------------------- *)

Ltac cases :=
  repeat match goal with
  | H : _ && _ = true |- _ => apply andb_true_iff in H; destruct H
  | H : _ || _ = true |- _ => apply orb_true_iff in H
  | H : negb _ = true |- _ => apply negb_true_iff in H
  | H : (_ =? _) = true |- _ => apply Nat.eqb_eq in H
  | H : (_ =? _) = false |- _ => apply Nat.eqb_neq in H
  | H : context [match ?p with _ => _ end] |- _ => destruct p eqn:?
  | |- context [match ?p with _ => _ end] => destruct p eqn:?
  end; subst; simpl in *.

Ltac step_by l :=
  intros [Hok ->]; destruct l; simpl in *;
  unfold add, move, put_at, word, set_verdict, set_condemned, nowhere, loose,
    flying, pinned, in_slot, all_of, upd in *; simpl in *;
  cases; intros; cases; try congruence; try lia.

(* The object whose count or mark a step changes, with its version; Take
   changes that alone. *)
Definition touch (l : label) (s : state) : option obj :=
  match l with
  | Get _ x _ _ | Acquire _ x | Alloc _ x | Pin_it _ x => Some x
  | Put r | Fly r => Some (target s r)
  | _ => None
  end.

Lemma version_grows l s s' x : step l s s' -> version s x <= version s' x.
Proof. step_by l. Qed.

Lemma version_touch l s s' x :
  step l s s' -> touch l s = Some x -> version s x < version s' x.
Proof. step_by l. all: intros [= ->]; congruence. Qed.

Lemma count_same l s s' x :
  step l s s' -> touch l s <> Some x -> count s' x = count s x.
Proof. step_by l. Qed.

(* What may become of a reference to an object that nobody touches. *)
Definition later (p p' : place_of) : Prop :=
  (p <> Nowhere -> p' <> Nowhere) /\ (p' = Pin <-> p = Pin) /\
  (p' = Flying -> p = Flying) /\
  (forall o i, p' = Slot o i -> p = Slot o i \/ p = Flying).

Lemma later_step l s s' r :
  step l s s' -> touch l s <> Some (target s r) -> place s r <> Nowhere ->
  target s' r = target s r /\ later (place s r) (place s' r).
Proof.
  unfold later. step_by l.
  all: repeat split; intros; cases; try congruence; intuition congruence.
Qed.

Lemma later_refl p : later p p.
Proof. unfold later. intuition. Qed.

Lemma later_trans p q r : later p q -> later q r -> later p r.
Proof.
  unfold later. intros (A & B & C & D) (A' & B' & C' & D').
  repeat split; try tauto. intros o i H. destruct (D' o i H); auto.
Qed.

(* How a reference comes into being. *)
Lemma born l s s' r :
  step l s s' -> place s' r <> Nowhere ->
  (place s r <> Nowhere /\ target s' r = target s r) \/
  (place s r = Nowhere /\
   ((exists chain fly, l = Get r (target s' r) chain fly) \/
    l = Acquire r (target s' r) \/ l = Alloc r (target s' r) \/
    l = Pin_it r (target s' r))).
Proof.
  step_by l. all: try (left; split; congruence).
  all: right; eauto 8.
Qed.

(* How an edge ceases to be one. *)
Lemma slot_step l s s' r o i :
  step l s s' -> place s r = Slot o i ->
  place s' r = Slot o i \/
  (exists new chain, l = Xchg o i new (Some r) chain) \/ l = Clear o i r.
Proof.
  step_by l. all: auto.
  all: try (rewrite H0 in *; congruence).
  all: rewrite H0 in *; match goal with
    E : Slot _ _ = Slot _ _ |- _ => injection E as -> -> end; eauto.
Qed.

Lemma pin_step l s s' r :
  step l s s' -> place s r = Pin -> l <> Put r -> place s' r = Pin.
Proof. step_by l. Qed.

Lemma count_step l s s' x :
  step l s s' -> count s x <> 0 -> count s' x = 0 ->
  exists r, l = Put r /\ target s r = x /\ place s r <> Nowhere.
Proof.
  step_by l. all: intros; exists r; repeat split; congruence.
Qed.

Lemma condemned_step l s s' x :
  step l s s' -> l <> Clean x -> condemned s x = true -> condemned s' x = true.
Proof. step_by l. Qed.

Lemma verdict_step l s s' : step l s s' -> l <> Try -> l <> Revive ->
  (verdict s = Rescued -> verdict s' = Rescued) /\
  (verdict s <> None_yet -> verdict s' <> None_yet).
Proof. step_by l. all: split; intros; congruence. Qed.

Lemma mark_stays l s s' x : step l s s' -> l <> Clean x ->
  marked s x = true -> marked s' x = true.
Proof. step_by l. Qed.

Lemma touch_unmarked l s s' x : step l s s' -> touch l s = Some x ->
  marked s' x = false -> (forall p, l <> Pin_it p x) -> count s x < count s' x.
Proof. step_by l. Qed.

(* --- M1 ----------------------------------------------------------------- *)

Definition exist_to s x l := NoDup l /\
  forall r, In r l -> place s r <> Nowhere /\ target s r = x.

Definition counted s := forall x l, exist_to s x l -> length l <= count s x.

Definition newborn l q x := (exists chain fly, l = Get q x chain fly) \/
  l = Acquire q x \/ l = Alloc q x \/ l = Pin_it q x.

Lemma newborn_counted l s s' q x : step l s s' -> newborn l q x ->
  count s' x = S (count s x).
Proof.
  intros [Hok ->] B. destruct B as [(chain & fly & ->)|[->|[->| ->]]]; simpl in *;
    unfold upd; rewrite Nat.eqb_refl; auto.
  apply andb_true_iff in Hok as [_ Z]. apply Nat.eqb_eq in Z. now rewrite Z.
Qed.

Lemma count_put l s s' x : step l s s' -> count s' x < count s x ->
  exists r, l = Put r /\ target s r = x /\ place s r <> Nowhere /\
            place s' r = Nowhere /\ count s' x = pred (count s x).
Proof.
  step_by l. all: exists r; rewrite ?Nat.eqb_refl; repeat split; congruence.
Qed.

Lemma M1 l s s' : step l s s' -> counted s -> counted s'.
Proof.
  intros St C x m [N E].
  assert (B : forall q, In q m -> (place s q <> Nowhere /\ target s q = x) \/
                                  newborn l q x). {
    intros q I. destruct (E q I) as [P T].
    destruct (born _ _ _ q St P) as [[]|[_ B]]; [left; split; congruence|].
    rewrite T in B. auto. }
  assert (D : (exists q, In q m /\ newborn l q x) \/
              forall q, In q m -> place s q <> Nowhere /\ target s q = x). {
    clear N E. induction m as [|q m IH]; [right; simpl; tauto|].
    destruct (B q) as [O|O]; [left; auto | | left; exists q; simpl; auto].
    destruct IH as [(w & I & W)|A]; [intros; apply B; simpl; auto | |].
    - left. exists w. simpl. auto.
    - right. intros w [<-|]; auto. }
  destruct D as [(q & I & W)|A].
  - rewrite (newborn_counted _ _ _ _ _ St W).
    apply in_split in I as (m1 & m2 & ->). apply NoDup_remove in N as [N N'].
    rewrite app_length, Nat.add_comm. simpl. rewrite Nat.add_comm, <- app_length.
    apply le_n_S. apply C. split; auto. intros w I.
    destruct (B w) as [|W']; auto; [apply in_app_or in I as []; apply in_or_app; simpl; auto|].
    destruct N'. replace q with w; auto. unfold newborn in *.
    destruct W as [(? & ? & ->)|[->|[->| ->]]]; destruct W' as [(? & ? & ?)|[?|[?|?]]];
      congruence.
  - destruct (Nat.le_gt_cases (count s x) (count s' x)) as [L|L].
    + enough (length m <= count s x) by lia. apply C. split; auto.
    + destruct (count_put _ _ _ _ St L) as (r & _ & T & P & P' & ->).
      enough (length (r :: m) <= count s x) by (simpl in *; lia).
      apply C. split.
      * constructor; auto. intro I. now apply (E r I).
      * intros w [<-|]; auto.
Qed.

(* --- M3 ----------------------------------------------------------------- *)

Lemma leads_out (S : list obj) s chain : forall from x,
  leads s from chain x = true -> In x S ->
  In from S \/
  exists r o i, place s r = Slot o i /\ ~ In o S /\ In (target s r) S.
Proof.
  induction chain as [|r rest IH]; intros from x H Hx; simpl in H.
  - apply Nat.eqb_eq in H. subst. auto.
  - destruct (place s r) as [|o i| | | |] eqn:P; try discriminate.
    apply andb_true_iff in H as [E H]. apply Nat.eqb_eq in E. subst.
    destruct (in_dec Nat.eq_dec from S) as [|N]; auto.
    right. destruct (IH _ _ H Hx) as [|]; eauto 7.
Qed.

(* --- lists ----------------------------------------------------------------- *)

Lemma NoDup_by {A B C} (f : A -> B) (g : A -> C) l : NoDup (map g l) ->
  (forall a b, In a l -> In b l -> f a = f b -> g a = g b) -> NoDup (map f l).
Proof.
  induction l as [|a l IH]; simpl; intros N E; constructor; inversion N; subst.
  - intro I. apply in_map_iff in I as (b & F & I). apply H1.
    rewrite (E a b); auto. now apply in_map.
  - apply IH; auto.
Qed.

Lemma NoDup_filter_map {A B} (g : A -> B) (p : A -> bool) l :
  NoDup (map g l) -> NoDup (map g (filter p l)).
Proof.
  induction l as [|a l IH]; simpl; intro N; inversion N; subst; auto.
  destruct (p a); simpl; auto. constructor; auto.
  intro I. apply H1. apply in_map_iff in I as (b & <- & I).
  apply in_map. now apply filter_In in I.
Qed.

Lemma NoDup_both {A} (l m : list A) : NoDup l -> NoDup m ->
  (forall a, In a l -> ~ In a m) -> NoDup (l ++ m).
Proof.
  induction l as [|a l IH]; simpl; intros N M D; auto. inversion N; subst.
  constructor; auto. rewrite in_app_iff. intros [|]; [auto | eapply D; eauto].
Qed.

Lemma NoDup_one {A B} (g : A -> B) l a b : NoDup (map g l) ->
  In a l -> In b l -> g a = g b -> a = b.
Proof.
  induction l as [|d l IH]; simpl; intros N; [tauto|]. inversion N; subst.
  intros [->|I] [->|J] E; auto; destruct H1; [rewrite E | rewrite <- E];
    now apply in_map.
Qed.

(* --- the trial ------------------------------------------------------------ *)

(* An edge seen: which slot, which reference was in it, and when it was read. *)
Record edge := Edge { owner : obj; index : nat; it : ref; seen_at : time }.

Section Trial.
Variables (run : nat -> state) (lab : nat -> label).
Hypothesis runs : forall t, step (lab t) (run t) (run (S t)).
Hypothesis begins : counted (run 0).

Variables (members : list obj) (r c : obj -> time).
Variables (seen : list edge) (pins : obj -> list ref).
Variables (words_read tried the_end : time).

(* refisland_read_words(), _read_slots(): first all words, then each slot of
   members at most once. *)
Hypothesis r_first : forall x, In x members -> r x <= words_read.
Hypothesis slots_next : forall e, In e seen ->
  words_read <= seen_at e /\ In (owner e) members /\
  place (run (seen_at e)) (it e) = Slot (owner e) (index e) /\
  In (target (run (seen_at e)) (it e)) members /\
  forall x, In x members -> seen_at e <= c x.
Hypothesis slots_once : NoDup (map (fun e => (owner e, index e)) seen).

Definition edges x :=
  filter (fun e => target (run (seen_at e)) (it e) =? x) seen.

(* word_clean() and refisland_closed(): each count is an edge or a pin. *)
Hypothesis valid : forall x, In x members -> count (run (r x)) x <> 0.
Hypothesis pins_there : forall x, In x members -> exist_to (run (c x)) x (pins x) /\
  forall p, In p (pins x) -> place (run (c x)) p = Pin.
Hypothesis closed_in : forall x, In x members ->
  count (run (r x)) x = length (edges x) + length (pins x).

(* refisland_condemn(): the verdict is on trial, then each word is read again
   and condemned; nobody rescued it; and the collector does no more till
   [the_end], which may be any time later. *)
Hypothesis condemning : forall x, In x members ->
  words_read < c x < the_end /\ tried < c x /\ lab (c x) = Condemn x.
Hypothesis trying : verdict (run (S tried)) = Trying.
Hypothesis not_rescued : verdict (run the_end) <> Rescued.
Hypothesis quiet : forall t, tried < t < the_end ->
  lab t <> Try /\ lab t <> Revive /\ (forall x, lab t <> Clean x) /\ (forall p x, lab t <> Pin_it p x) /\
  (forall p, lab t = Put p -> place (run t) p <> Pin).

Section Calm.
(* What equal words mean: see the two theorems below. *)
Hypothesis calm : forall x t, In x members -> r x <= t < c x ->
  touch (lab t) (run t) <> Some x.

Lemma always_counted t : counted (run t).
Proof. induction t; eauto using M1. Qed.

Lemma later_calm x p t t' :
  In x members -> r x <= t -> t <= t' -> t' <= c x ->
  place (run t) p <> Nowhere -> target (run t) p = x ->
  target (run t') p = x /\ later (place (run t) p) (place (run t') p).
Proof.
  intros Hx Hr Ht. induction Ht as [|t' Ht IH]; intros Hc Hp Hg.
  - split; [assumption | apply later_refl].
  - destruct IH as [G L]; auto with arith; try lia.
    assert (N : place (run t') p <> Nowhere) by (apply L, Hp).
    destruct (later_step _ _ _ p (runs t')) as [G' L']; auto.
    + rewrite G. apply calm; auto; lia.
    + split; [congruence | eapply later_trans; eauto].
Qed.

Lemma count_calm x t : In x members -> r x <= t <= c x ->
  count (run t) x = count (run (r x)) x.
Proof.
  intros Hx [Hr Hc]. induction Hr as [|t Hr IH]; auto.
  rewrite <- IH by lia. apply (count_same _ _ _ _ (runs t)).
  apply calm; auto; lia.
Qed.

Lemma condemned_at x t : In x members -> c x < t -> t <= the_end ->
  condemned (run t) x = true.
Proof.
  intros Hx Ht. destruct (condemning x Hx) as (? & ? & L).
  induction Ht as [|t Ht IH]; intro He.
  - destruct (runs (c x)) as [_ ->]. rewrite L. simpl. unfold upd.
    now rewrite Nat.eqb_refl.
  - eapply condemned_step; [apply runs | | apply IH; lia].
    apply quiet. unfold lt in *. lia.
Qed.

Lemma undecided t : tried < t -> t <= the_end ->
  verdict (run t) = Trying \/ verdict (run t) = Dead.
Proof.
  intros Ht He.
  assert (N : verdict (run t) <> None_yet). {
    induction Ht as [|t Ht IH]; [congruence|].
    destruct (quiet t) as (Q & Q' & _); [lia|].
    apply (verdict_step _ _ _ (runs t)); auto. apply IH. lia. }
  assert (R : forall e, t <= e -> e <= the_end -> verdict (run t) = Rescued ->
                        verdict (run e) = Rescued). {
    intros e H. induction H as [|e H IH]; auto. intros He' V.
    destruct (quiet e) as (Q & Q' & _); [lia|].
    apply (verdict_step _ _ _ (runs e)); auto. apply IH; auto; lia. }
  destruct (verdict (run t)) eqn:V; auto; try congruence.
  destruct not_rescued. apply R; auto.
Qed.

(* (1) of judge.c: at c(X) there are the edges seen, wherever they are by then,
   and no other references. *)
Lemma edge_to x e : In x members -> In e (edges x) ->
  In e seen /\ target (run (c x)) (it e) = x /\
  (forall t, seen_at e <= t <= c x -> target (run t) (it e) = x /\
     later (Slot (owner e) (index e)) (place (run t) (it e))).
Proof.
  intros Hx He. apply filter_In in He as [He G]. apply Nat.eqb_eq in G.
  destruct (slots_next e He) as (W & _ & P & _ & C). pose proof (r_first x Hx).
  assert (L : forall t, seen_at e <= t <= c x -> target (run t) (it e) = x /\
     later (Slot (owner e) (index e)) (place (run t) (it e))). {
    intros t Ht. rewrite <- P. apply later_calm; auto; try lia. congruence. }
  repeat split; auto; apply L; auto; split; auto; apply C; auto.
Qed.

Lemma same_slot x e e' : In x members -> In e (edges x) -> In e' (edges x) ->
  it e = it e' -> owner e = owner e' /\ index e = index e'.
Proof.
  assert (H : forall e e', In x members -> In e (edges x) -> In e' (edges x) ->
    it e = it e' -> seen_at e <= seen_at e' ->
    owner e = owner e' /\ index e = index e'). {
    clear e e'. intros e e' Hx He He' E T.
    destruct (edge_to x e Hx He) as (_ & _ & L).
    destruct (edge_to x e' Hx He') as (I & _ & _).
    destruct (slots_next e' I) as (_ & _ & P & _ & C).
    destruct (L (seen_at e')) as [_ (_ & _ & _ & D)]; auto.
    rewrite E in D. destruct (D _ _ P) as [[= ? ?]|]; auto. discriminate. }
  intros. destruct (Nat.le_ge_cases (seen_at e) (seen_at e')); [auto|].
  destruct (H e' e); auto.
Qed.

Lemma one_edge e e' : In e seen -> In e' seen -> owner e = owner e' ->
  index e = index e' -> e = e'.
Proof.
  intros. eapply NoDup_one; eauto. simpl. congruence.
Qed.

Lemma all_accounted x p : In x members ->
  place (run (c x)) p <> Nowhere -> target (run (c x)) p = x ->
  place (run (c x)) p = Pin \/ exists e, In e (edges x) /\ it e = p.
Proof.
  intros Hx Hp Hg. destruct (pins_there x Hx) as [[N X] Pn].
  destruct (condemning x Hx) as ([W _] & _ & _). pose proof (r_first x Hx).
  assert (E : forall q, In q (map it (edges x)) ->
    place (run (c x)) q <> Nowhere /\ place (run (c x)) q <> Pin /\
    target (run (c x)) q = x). {
    intros q I. apply in_map_iff in I as (e & <- & I).
    destruct (edge_to x e Hx I) as (J & G & L).
    destruct (slots_next e J) as (_ & _ & _ & _ & C).
    destruct (L (c x)) as [_ (A & B & _)]; auto.
    repeat split; auto; [apply A; discriminate | intro Q].
    apply B in Q. discriminate. }
  destruct (in_dec Nat.eq_dec p (map it (edges x) ++ pins x)) as [I|I].
  - apply in_app_or in I as [I|I]; auto.
    apply in_map_iff in I as (e & ? & I). eauto.
  - exfalso.
    assert (B : length (p :: map it (edges x) ++ pins x) <= count (run (c x)) x). {
      apply always_counted. split.
      - constructor; auto. apply NoDup_both; auto.
        + apply NoDup_by with (g := fun e => (owner e, index e)).
          * now apply NoDup_filter_map.
          * intros a b Ia Ib F. destruct (same_slot x a b); auto; congruence.
        + intros q I' J. destruct (E q I') as (_ & Q & _). auto.
      - intros q [<-|J]; auto. apply in_app_or in J as [J|J]; auto.
        split; apply E; auto. }
    simpl in B. rewrite app_length, map_length in B.
    rewrite count_calm, closed_in in B; auto; lia.
Qed.

(* (2) and (3): no edge seen has been removed; a member condemned has no other
   references. *)
Definition in_place t := forall e, In e seen -> seen_at e <= t ->
  place (run t) (it e) = Slot (owner e) (index e).
Definition shut t := forall x, In x members -> c x < t ->
  count (run t) x <> 0 /\ forall p, place (run t) p <> Nowhere ->
  target (run t) p = x -> place (run t) p = Pin \/
  exists e, In e seen /\ seen_at e <= t /\ it e = p.

Section Instant.
Variable t : time.
Hypothesis read : words_read <= t.
Hypothesis IP : in_place t.
Hypothesis SH : shut t.

(* What exists at t: a pin, an edge seen, or, before c(X), one still to be seen,
   which it can only be if it has been about to enter a slot all the while. *)
Lemma exists_now x p : In x members -> place (run t) p <> Nowhere ->
  target (run t) p = x -> place (run t) p = Pin \/
  (exists e, In e seen /\ place (run t) p = Slot (owner e) (index e)) \/
  (t <= c x /\ place (run t) p = Flying /\
   exists e, In e (edges x) /\ it e = p /\ t < seen_at e).
Proof.
  intros Hx Hp Hg. destruct (Nat.lt_ge_cases (c x) t) as [T|T].
  - destruct (SH x Hx T) as [_ A]. destruct (A p Hp Hg) as [|(e & I & J & <-)]; auto.
    right; left. eauto.
  - pose proof (r_first x Hx).
    assert (L : forall t', t <= t' <= c x -> target (run t') p = x /\
      later (place (run t) p) (place (run t') p)) by
      (intros t' ?; apply later_calm; auto; lia).
    destruct (L (c x)) as [G (A & B & _)]; auto.
    destruct (all_accounted x p Hx (A Hp) G) as [Q|(e & I & <-)]; [tauto|].
    right. destruct (edge_to x e Hx I) as (J & _ & _).
    destruct (slots_next e J) as (_ & _ & P & _ & C).
    destruct (Nat.lt_ge_cases t (seen_at e)) as [T'|T']; [|eauto].
    destruct (L (seen_at e)) as [_ (_ & _ & _ & D)]; [split; auto with arith|].
    destruct (D _ _ P) as [|F]; [left; eauto | right; eauto 6].
Qed.

Lemma no_outside p : In (target (run t) p) members ->
  match place (run t) p with
  | Hand | Removed => False | Slot o _ => In o members | _ => True
  end.
Proof.
  intro Hx. destruct (place (run t) p) as [|o i| | | |] eqn:P; auto;
  destruct (exists_now _ p Hx) as [|[(e & I & J)|(_ & F & _)]];
    auto; try congruence.
  rewrite P in J. injection J as -> ->. now apply slots_next.
Qed.

Lemma not_held own chain o : In o members -> holds (run t) own chain o = true ->
  exists p, own = Some p /\ place (run t) p = Flying /\
            In (target (run t) p) members.
Proof.
  intros Ho H. destruct chain as [|p rest]; [discriminate|].
  assert (L : leads (run t) (target (run t) p) rest o = true ->
              In (target (run t) p) members). {
    intro L. destruct (leads_out _ _ _ _ _ L Ho) as [|(q & a & i & P & N & I)]; auto.
    pose proof (no_outside q I) as Q. rewrite P in Q. tauto. }
  pose proof (no_outside p) as Q. simpl in H.
  destruct (place (run t) p) eqn:P; try discriminate; try (destruct Q; auto; fail).
  destruct own as [n|]; [|discriminate].
  apply andb_true_iff in H as [E H]. apply Nat.eqb_eq in E. subst. eauto.
Qed.

Lemma valid_now x : In x members -> count (run t) x <> 0.
Proof.
  intro Hx. destruct (Nat.lt_ge_cases (c x) t) as [T|T].
  - now apply SH.
  - pose proof (r_first x Hx). rewrite count_calm; auto. lia.
Qed.

Lemma stays_in_place : in_place (S t).
Proof.
  intros e He T. destruct (slots_next e He) as (_ & Ho & P & _ & _).
  destruct (Nat.eq_dec (seen_at e) (S t)) as [<-|N]; auto.
  assert (T' : seen_at e <= t) by lia. pose proof (IP e He T') as Q.
  destruct (slot_step _ _ _ _ _ _ (runs t) Q) as [|[(new & chain & L)|L]]; auto;
    exfalso; destruct (runs t) as [K F]; rewrite L in K, F; simpl in K.
  - apply andb_true_iff in K as [K _]. apply andb_true_iff in K as [K _].
    destruct (not_held _ _ _ Ho K) as (p & -> & Fl & Hx).
    destruct (exists_now _ p Hx) as [|[(? & ? & ?)|(T1 & _ & e' & I & E & T2)]];
      auto; try congruence.
    set (x := target (run t) p) in *.
    destruct (edge_to x e' Hx I) as (J & _ & _).
    destruct (slots_next e' J) as (_ & _ & P' & _ & C).
    assert (G : place (run (S t)) p = Slot (owner e) (index e) /\
                target (run (S t)) p = x). {
      rewrite F. unfold x. simpl. unfold upd.
      destruct (p =? it e) eqn:D; [apply Nat.eqb_eq in D; congruence|].
      now rewrite Nat.eqb_refl. }
    destruct G as [G1 G2]. pose proof (r_first x Hx). specialize (C x Hx).
    destruct (later_calm x p (S t) (seen_at e')) as [_ (_ & _ & _ & D)]; auto;
      try lia; try congruence.
    rewrite E in P'. destruct (D _ _ P') as [D'|]; [|congruence].
    rewrite G1 in D'. injection D' as ? ?.
    assert (e = e') by (apply one_edge; auto). subst. lia.
  - apply andb_true_iff in K as [K _]. apply Nat.eqb_eq in K.
    now apply (valid_now _ Ho).
Qed.

Lemma stays_shut : t < the_end -> shut (S t).
Proof.
  intros He x Hx T. pose proof stays_in_place as IP'.
  destruct (condemning x Hx) as (_ & Tr & L). split.
  - intro Z. destruct (Nat.eq_dec (c x) t) as [E|N].
    + destruct (runs t) as [_ F]. rewrite <- E, L in F. rewrite <- E, F in Z.
      simpl in Z. rewrite E in Z. now apply (valid_now x Hx).
    + destruct (count_step _ _ _ _ (runs t) (valid_now x Hx) Z)
        as (p & P & G & Hp).
      assert (O := no_outside p). rewrite G in O. specialize (O Hx).
      destruct (runs t) as [K _]. rewrite P in K. simpl in K.
      destruct (quiet t) as (_ & _ & _ & _ & Q); [lia|]. specialize (Q p P).
      unfold loose, pinned in K.
      destruct (place (run t) p); try discriminate; tauto.
  - intros p Hp G.
    assert (Old : place (run t) p <> Nowhere -> target (run t) p = x ->
      place (run (S t)) p = Pin \/
      exists e, In e seen /\ seen_at e <= S t /\ it e = p). {
      intros Hp' G'. destruct (Nat.eq_dec (c x) t) as [E|N].
      - subst t. destruct (all_accounted x p Hx Hp' G') as [P|(e & I & D)].
        + left. eapply pin_step; eauto. congruence.
        + right. destruct (edge_to x e Hx I) as (J & _ & _).
          destruct (slots_next e J) as (_ & _ & _ & _ & C).
          specialize (C x Hx). exists e. auto.
      - destruct (SH x Hx) as [_ A]; [lia|].
        destruct (A p Hp' G') as [P|(e & I & D & F)];
          [|right; exists e; auto].
        left. eapply pin_step; eauto. intro F.
        destruct (quiet t) as (_ & _ & _ & _ & Q); [lia|]. now apply (Q p). }
    destruct (born _ _ _ p (runs t) Hp) as [[Hp' G']|[Hp' B]]; [apply Old; congruence|].
    rewrite G in B. exfalso.
    destruct (runs t) as [K _]. destruct B as [(chain & fly & B)|[B|[B|B]]];
      rewrite B in K; simpl in K.
    + apply andb_true_iff in K as [_ K].
      destruct (not_held _ _ _ Hx K) as (? & ? & _). discriminate.
    + assert (c x < t) by (destruct (Nat.eq_dec (c x) t); [congruence | lia]).
      rewrite (condemned_at x t) in K by (auto; lia).
      destruct (undecided t) as [V|V]; try lia;
        rewrite V, !andb_false_r in K; discriminate.
    + apply andb_true_iff in K as [_ K]. apply Nat.eqb_eq in K.
      now apply (valid_now x Hx).
    + assert (c x < t) by (destruct (Nat.eq_dec (c x) t); [congruence | lia]).
      destruct (quiet t) as (_ & _ & _ & Q & _); [lia|]. now apply (Q p x).
Qed.
End Instant.

Definition closed := forall p, In (target (run the_end) p) members ->
  place (run the_end) p <> Nowhere -> place (run the_end) p = Pin \/
  exists e, In e seen /\ it e = p /\
            place (run the_end) p = Slot (owner e) (index e).

Theorem closed_if_calm : closed.
Proof.
  intros p Hx Hp. destruct (condemning _ Hx) as ([W E] & _ & _).
  assert (A : forall t, words_read <= t -> t <= the_end -> in_place t /\ shut t). {
    intros t Ht. induction Ht as [|t Ht IH]; intro He.
    - split.
      + intros e He' T. destruct (slots_next e He') as (T' & _ & P & _).
        now replace words_read with (seen_at e) by lia.
      + intros x Hx' T. destruct (condemning x Hx') as ([? ?] & _). lia.
    - destruct IH as [IP SH]; [lia|]. split; [apply stays_in_place|apply stays_shut]; auto. }
  destruct (A the_end) as [IP SH]; try lia.
  destruct (SH _ Hx E) as [_ B]. destruct (B p Hp eq_refl) as [|(e & I & T & <-)]; eauto 7.
Qed.
End Calm.

(* The rule as it stands: the versions are equal. *)
Theorem closed_by_version :
  (forall x, In x members -> version (run (c x)) x = version (run (r x)) x) ->
  closed.
Proof.
  intro V. apply closed_if_calm. intros x t Hx Ht T. specialize (V x Hx).
  assert (G : forall a b, a <= b -> version (run a) x <= version (run b) x). {
    intros a b H. induction H as [|b H IH]; auto.
    rewrite IH. eapply version_grows, runs. }
  pose proof (version_touch _ _ _ _ (runs t) T).
  pose proof (G (r x) t). pose proof (G (S t) (c x)). lia.
Qed.

(* A version that wraps: MARKED and FRESH are clear at both readings, and the
   counts compared add up to the edges. *)
Definition sum (f : obj -> nat) := fold_right (fun x n => f x + n) 0.

Lemma sum_le f g l : (forall x, In x l -> g x <= f x) -> sum g l <= sum f l.
Proof.
  induction l as [|a l IH]; simpl; intro G; auto.
  apply Nat.add_le_mono; auto.
Qed.

Lemma sum_equal f g l : (forall x, In x l -> g x <= f x) -> sum f l = sum g l ->
  forall x, In x l -> f x = g x.
Proof.
  induction l as [|a l IH]; simpl; intros G E x []; subst;
    pose proof (sum_le f g l (fun y H => G y (or_intror H)));
    pose proof (G _ (or_introl eq_refl)); [lia|].
  apply IH; auto. lia.
Qed.

Theorem closed_by_mark :
  (forall x, In x members -> marked (run (c x)) x = false /\
     forall t, r x <= t < c x -> lab t <> Clean x /\ forall p, lab t <> Pin_it p x) ->
  sum (fun x => count (run (c x)) x) members =
  sum (fun x => length (edges x) + length (pins x)) members ->
  closed.
Proof.
  intros M E. apply closed_if_calm. intros x t Hx Ht T.
  assert (Unmarked : forall x t, In x members -> r x <= t <= c x ->
                     marked (run t) x = false). {
    clear x t Hx Ht T. intros x t Hx [Hr Hc]. destruct (M x Hx) as [Z Q].
    destruct (marked (run t) x) eqn:D; auto. rewrite <- Z. symmetry. clear Z.
    assert (K : forall b, t <= b -> b <= c x -> marked (run b) x = true); [|auto].
    intros b H. induction H as [|b H IH]; auto. intro B.
    destruct (Q b) as [Q' _]; [lia|].
    eapply mark_stays; [apply runs | exact Q' | apply IH; lia]. }
  assert (Grows : forall x t, In x members -> r x <= t < c x ->
    count (run t) x <= count (run (S t)) x /\
    (touch (lab t) (run t) = Some x -> count (run t) x < count (run (S t)) x)). {
    clear x t Hx Ht T. intros x t Hx Ht.
    destruct (touch (lab t) (run t)) as [y|] eqn:T; [destruct (Nat.eq_dec y x) as [->|N]|].
    - enough (count (run t) x < count (run (S t)) x) by lia.
      destruct (M x Hx) as [_ Q]. destruct (Q t Ht) as [_ Q'].
      apply (touch_unmarked _ _ _ _ (runs t) T); auto. apply Unmarked; auto. lia.
    - rewrite (count_same _ _ _ x (runs t)); [split; auto; congruence | congruence].
    - rewrite (count_same _ _ _ x (runs t)); [split; auto; congruence | congruence]. }
  assert (Up : forall x, In x members -> forall a b, r x <= a -> a <= b -> b <= c x ->
               count (run a) x <= count (run b) x). {
    intros y Hy a b Ha H. induction H as [|b H IH]; auto. intro Hb.
    transitivity (count (run b) y); [apply IH; lia|]. apply Grows; auto; lia. }
  assert (Le : forall x, In x members -> r x <= c x). {
    intros y Hy. destruct (condemning y Hy) as [? _]. pose proof (r_first y Hy). lia. }
  assert (Eq : count (run (c x)) x = length (edges x) + length (pins x)). {
    revert x Hx Ht T.
    enough (A : forall x, In x members ->
      count (run (c x)) x = length (edges x) + length (pins x)) by auto.
    apply sum_equal; auto. intros y Hy. rewrite <- closed_in; auto. }
  rewrite <- closed_in in Eq; auto.
  pose proof (Up x Hx (r x) t). pose proof (Up x Hx (S t) (c x)).
  destruct (Grows x t Hx Ht) as [_ G]. specialize (G T). lia.
Qed.
End Trial.

(* --- each rule is needed ------------------------------------------------- *)

(* A trial as a script.  Force takes a step for which its author has no right. *)
Inductive event := Do (l : label) | Force (l : label)
  | Read (x : obj) | See (e : ref) | Again (x : obj).

Record trial := Judge { now : state; good : bool;
  old_count : obj -> nat; old_version : obj -> nat; seen_to : obj -> nat }.

Definition act (m2 : nat) (compare : bool) (j : trial) (e : event) : trial :=
  let s := now j in
  match e with
  | Do l => Judge (effect m2 l s) (good j && ok l s)
      (old_count j) (old_version j) (seen_to j)
  | Force l => Judge (effect m2 l s) (good j)
      (old_count j) (old_version j) (seen_to j)
  | Read x => Judge s (good j) (upd (old_count j) x (count s x))
      (upd (old_version j) x (version s x)) (seen_to j)
  | See r => let x := target s r in
      Judge s (good j && match place s r with Slot _ _ => true | _ => false end)
      (old_count j) (old_version j) (upd (seen_to j) x (S (seen_to j x)))
  | Again x => Judge (effect m2 (Condemn x) s)
      (good j && (old_count j x =? seen_to j x) && (count s x =? old_count j x) &&
       (negb compare || (version s x =? old_version j x)))
      (old_count j) (old_version j) (seen_to j)
  end.

Definition zero : nat -> nat := fun _ => 0.
Definition start := Judge (State zero zero (fun _ => false) (fun _ => false)
  Trying (fun _ => Nowhere) zero) true zero zero zero.

(* Is the set found dead, with a reference left in somebody's hands? *)
Definition fails m2 compare script (p : ref) : bool :=
  let j := fold_left (act m2 compare) script start in good j && loose (now j) p.

(* Object 0 is held by reference 0, and its slot refers to object 1 by 1. *)
Definition chain_of_two := [Do (Alloc 0 0); Do (Alloc 1 1); Do (Fly 1);
  Do (Xchg 0 0 (Some 1) None [0])].

(* Reference 1 is taken out behind the collector, which then meets 0, moved to
   where 1 leads. *)
Definition moves := chain_of_two ++ [Read 0; Read 1; See 1;
  Do (Xchg 0 0 None (Some 1) [0]); Do (Take 1); Do (Fly 0);
  Do (Xchg 1 0 (Some 0) None [1]); See 0; Again 0; Again 1].

Example versions_compared : fails 1 true moves 1 = false.
Proof. reflexivity. Qed.
Example versions_not_compared : fails 1 false moves 1 = true.
Proof. reflexivity. Qed.
Example M2_broken : fails 0 true moves 1 = true.
Proof. reflexivity. Qed.

(* M3 broken: 0 is on its way, its version changed before the words are read,
   and somebody goes by way of it all the same. *)
Example M3_broken : fails 1 true (chain_of_two ++ [Do (Fly 0); Read 0; Read 1;
  See 1; Force (Xchg 0 0 None (Some 1) []); Do (Xchg 1 0 (Some 0) None [1]);
  See 0; Again 0; Again 1]) 1 = true.
Proof. reflexivity. Qed.

(* M1 broken: the edge is there before its count. *)
Example M1_broken : fails 1 true [Do (Alloc 0 0);
  Force (Xchg 0 0 (Some 1) None [0]); Read 0; See 1; Again 0] 0 = true.
Proof. reflexivity. Qed.

(* A count of zero accepted: the releaser of 0 holds nothing, and empties it. *)
Example zero_accepted : fails 1 true (chain_of_two ++ [Do (Put 0); Read 0; Read 1;
  See 1; Do (Clear 0 0 1); Again 0; Again 1]) 1 = true.
Proof. reflexivity. Qed.

(* And what is garbage is found. *)
Example garbage_found : good (fold_left (act 1 true) ([Do (Alloc 0 0); Do (Fly 0);
  Do (Xchg 0 0 (Some 0) None [0]); Read 0; See 0; Again 0]) start) = true.
Proof. reflexivity. Qed.

(* A word read after the slots: 0 refers to itself, and is held. *)
Definition own_slot := [Do (Alloc 0 0); Do (Get 1 0 [0] true);
  Do (Xchg 0 0 (Some 1) None [0])].
Example word_after_slots : fails 1 true (own_slot ++ [See 1;
  Do (Xchg 0 0 None (Some 1) [0]); Do (Put 1); Read 0; Again 0]) 0 = true.
Proof. reflexivity. Qed.
Example word_before_slots : fails 1 true (own_slot ++ [Read 0; See 1;
  Do (Xchg 0 0 None (Some 1) [0]); Do (Put 1); Again 0]) 0 = false.
Proof. reflexivity. Qed.

(* An acquirer that does not mind the verdict. *)
Example condemned_acquired : fails 1 true [Do (Alloc 0 0); Do (Fly 0);
  Do (Xchg 0 0 (Some 0) None [0]); Read 0; See 0; Again 0; Force (Acquire 1 0)] 1 = true.
Proof. reflexivity. Qed.
Example condemned_refused : fails 1 true [Do (Alloc 0 0); Do (Fly 0);
  Do (Xchg 0 0 (Some 0) None [0]); Read 0; See 0; Again 0; Do (Acquire 1 0)] 1 = false.
Proof. reflexivity. Qed.

(* The hypotheses of the theorems can be met: a ring of one is found dead. *)
Definition script := [Alloc 0 0; Fly 0; Xchg 0 0 (Some 0) None [0]; Try; Condemn 0;
  Decide].
Definition script_at t := nth t script Idle.
Fixpoint state_at t : state :=
  match t with
  | 0 => now start
  | S t => effect 1 (script_at t) (state_at t)
  end.

Example ring_of_one : closed state_at [0] [Edge 0 0 0 3] 6.
Proof.
  apply closed_by_version with (lab := script_at) (r := fun _ => 3)
    (c := fun _ => 4) (pins := fun _ => []) (words_read := 3) (tried := 3).
  all: try (intros x [<-|[]]; simpl; repeat split; auto; try lia; fail).
  - intro t. split; [|reflexivity]. do 6 (destruct t; [reflexivity|]).
    now destruct t.
  - intros x l [N E]. destruct l as [|q l]; simpl; auto.
    now destruct (E q (or_introl eq_refl)).
  - constructor; [intros []|constructor].
  - intros x [<-|[]]. discriminate.
  - intros x [<-|[]]. split; [split; [constructor|]|]; simpl; tauto.
  - reflexivity.
  - discriminate.
  - intros t T. assert (t = 4 \/ t = 5) as [-> | ->] by lia;
      repeat split; discriminate.
Qed.

Print Assumptions closed_by_version.
Print Assumptions closed_by_mark.
