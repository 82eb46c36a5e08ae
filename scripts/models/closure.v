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
 *   M3  Xchg and Get need a chain: a reference that is held, and from its target
 *	 on slots, up to the object.  A Removed one begins no chain, and a Flying
 *	 one none but for its own publication: nobody but its mover knows it.
 *	 After an Xchg a chain to the owner has to exist until what was Removed
 *	 is so no longer ("keeps"), not necessarily the same all the time; only
 *	 who has moved the owner into its own slot need not have any
 *
 * The collector's readings do not change the state, so they are instants:
 * r x and c x of the words, and one for each edge seen.  An edge is seen after
 * r of its owner and of its target, and before any c, which is what a trace
 * takes care of; to read all words first and then all slots, as
 * refisland_judge() does, is one such order.  Its own references
 * (refisland_revive()) are Pins.  Only what has no reference may lose slots
 * to somebody who does not hold it: its releaser (Clear).
 *
 * Two theorems say "closed": the judgement of refisland_judge() or
 * refisland_judge_seen() and the second reading of refisland_condemn() leave no
 * reference to a member but the edges seen and the pins, from then on, until
 * the collector itself does something about it.  closed_by_version: if no
 * version has changed between the readings.  closed_by_mark: if the versions are
 * the same but for a multiple of some number, none has been marked, late puts
 * (see __refrow_mark_late()) are few, and the counts add up ("A version that
 * wraps").  nothing_leads_out: if the slots of members, each counted at any time
 * after all has been read, hold as many references as edges were seen, no slot
 * of a member refers to anything but a member (refisland_condemn_seen()).
 * The lemmas from all_accounted on are (1), (2) and (3) there.  At the end are
 * runs in which one rule is broken, and a reference survives.
 *
 * To be read: label, ok, effect; the hypotheses of Section Trial; the theorems.
 *
 * What is assumed: that M1 holds to begin with, and what the sections say of the
 * trial.  No axioms; "Print Assumptions" at the end shows it.
 *
 * What is not modelled: weak memory (see litmus/); counts that saturate; the
 * collector's own change of a version between the readings, of which it has
 * taken note (refrow_discover_again()); heaps' other islands and the reclaiming
 * of one that is dead; whether anything is ever collected.
 *)
Require Import List Arith Lia Bool.
Import ListNotations.

Definition obj := nat.
Definition ref := nat.
Definition time := nat.

Inductive place_of := Nowhere | Slot (owner : obj) (index : nat)
  | Removed (from : obj) (until : bool)
			(* out of a slot, and the version not yet changed; and
			   must [from] be held until it is? *)
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
  | Put (r : ref) (late : bool)		(* refobj_drop(); late: refobj_put(), which
					   had read a MARKED that is there no more *)
  | Take (r : ref)			(* refobj_moved() in refslot_take() *)
  | Fly (r : ref)			(* refobj_moved() before refslot_publish() *)
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
      | Hand, _ => leads s (target s r) rest x
      | Flying, Some n => (n =? r) && leads s (target s r) rest x
      | _, _ => false
      end
  end.

Definition nowhere s r := match place s r with Nowhere => true | _ => false end.
Definition loose s r :=
  match place s r with Hand | Removed _ _ => true | _ => false end.
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
  | Put r _ => loose s r || pinned s r
  | Take r => match place s r with Removed _ _ => true | _ => false end
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
  | Put r late => let x := target s r in
      move (word s x (pred (count s x)) (S (version s x))
        (if late then marked s x else true)) r Nowhere
  | Take r => let x := target s r in
      move (word s x (count s x) (m2 + version s x) true) r Hand
  | Fly r => let x := target s r in
      move (word s x (count s x) (m2 + version s x) true) r Flying
  | Xchg o i new old _ =>
      let s' := match new with Some r => move s r (Slot o i) | None => s end in
      match old with
      | Some r => move s' r (Removed o
          match new with Some n => negb (target s n =? o) | None => true end)
      | None => s'
      end
  | Clear o _ old => move s old (Removed o false)
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

(* The object whose word a step changes. *)
Definition touch (l : label) (s : state) : option obj :=
  match l with
  | Get _ x _ _ | Acquire _ x | Alloc _ x | Pin_it _ x => Some x
  | Put r _ | Take r | Fly r => Some (target s r)
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
  (forall o i, p' = Slot o i -> p = Slot o i \/ p = Flying) /\
  (p' = Hand -> p = Hand) /\ (forall o u, p = Removed o u -> p' = Removed o u).

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
  unfold later. intros (A & B & C & D & E & F) (A' & B' & C' & D' & E' & F').
  split; [tauto|]. split; [tauto|]. split; [tauto|].
  split; [|split; [tauto|eauto]]. intros o i H. destruct (D' o i H); auto.
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

(* How it comes to be one. *)
Lemma slot_filled l s s' r o i :
  step l s s' -> place s' r = Slot o i ->
  place s r = Slot o i \/ exists old chain, l = Xchg o i (Some r) old chain.
Proof.
  step_by l. all: auto; try (left; congruence).
  all: match goal with E : Slot _ _ = Slot _ _ |- _ => injection E as -> -> end; eauto.
Qed.

Lemma target_stays l s s' r :
  step l s s' -> place s r <> Nowhere -> target s' r = target s r.
Proof. step_by l. Qed.

Lemma pin_step l s s' r :
  step l s s' -> place s r = Pin -> (forall late, l <> Put r late) -> place s' r = Pin.
Proof.
  step_by l. all: match goal with H : forall _, Put _ _ <> _ |- _ =>
    destruct (H _ eq_refl) end.
Qed.

Lemma count_step l s s' x :
  step l s s' -> count s x <> 0 -> count s' x = 0 ->
  exists r late, l = Put r late /\ target s r = x /\ place s r <> Nowhere.
Proof.
  step_by l. all: intros; exists r, late; repeat split; congruence.
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
  marked s' x = false -> (forall p, l <> Pin_it p x) ->
  version s' x = S (version s x) /\
  (count s' x = S (count s x) \/
   exists p, l = Put p true /\ target s p = x /\ place s p <> Nowhere /\
             count s' x = pred (count s x)).
Proof.
  step_by l. all: try congruence.
  all: try (match goal with H : forall _, Pin_it _ _ <> _ |- _ =>
    now destruct (H r) end).
  all: split; [congruence|]; try (left; congruence).
  all: right; exists r; rewrite ?Nat.eqb_refl; repeat split; congruence.
Qed.

Lemma version_same l s s' x :
  step l s s' -> touch l s <> Some x -> version s' x = version s x.
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
  exists r late, l = Put r late /\ target s r = x /\ place s r <> Nowhere /\
            place s' r = Nowhere /\ count s' x = pred (count s x).
Proof.
  step_by l. all: exists r, late; rewrite ?Nat.eqb_refl; repeat split; congruence.
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
    + destruct (count_put _ _ _ _ St L) as (r & late & _ & T & P & P' & ->).
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

(* Who has taken a reference out of a slot holds that slot's owner until it has
   been put or its version changed, by one that is no longer or not yet on its
   way; but when the owner itself moved into the slot, nobody needs to. *)
Definition keeps s := forall p o, place s p = Removed o true ->
  exists chain, holds s None chain o = true.

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
Hypothesis until : forall t, keeps (run t).

Variables (members : list obj) (r c : obj -> time).
Variables (seen : list edge) (pins : obj -> list ref).
Variables (all_read tried the_end : time).

(* What a trace reads, or refisland_read_words() and then _read_slots(): each
   slot of a member at most once, after its owner's word and, as the edge that
   it is taken for, after its target's; everything before any is condemned. *)
Hypothesis r_first : forall x, In x members -> r x <= all_read.
Hypothesis edges_next : forall e, In e seen ->
  In (owner e) members /\ In (target (run (seen_at e)) (it e)) members /\
  place (run (seen_at e)) (it e) = Slot (owner e) (index e) /\
  r (owner e) <= seen_at e /\ r (target (run (seen_at e)) (it e)) <= seen_at e /\
  seen_at e <= all_read.
Hypothesis slots_once : NoDup (map (fun e => (owner e, index e)) seen).

Definition edges x :=
  filter (fun e => target (run (seen_at e)) (it e) =? x) seen.

(* word_clean(), and refisland_closed() or refisland_judge_seen(): each count is
   an edge or a pin. *)
Hypothesis valid : forall x, In x members -> count (run (r x)) x <> 0.
Hypothesis pins_there : forall x, In x members -> exist_to (run (c x)) x (pins x) /\
  forall p, In p (pins x) -> place (run (c x)) p = Pin.
Hypothesis closed_in : forall x, In x members ->
  count (run (r x)) x = length (edges x) + length (pins x).

(* refisland_condemn(): the verdict is on trial, then each word is read again
   and condemned; nobody rescued it; and the collector does no more till
   [the_end], which may be any time later. *)
Hypothesis condemning : forall x, In x members ->
  all_read < c x < the_end /\ tried < c x /\ lab (c x) = Condemn x.
Hypothesis trying : verdict (run (S tried)) = Trying.
Hypothesis not_rescued : verdict (run the_end) <> Rescued.
Hypothesis quiet : forall t, tried < t < the_end ->
  lab t <> Try /\ lab t <> Revive /\ (forall x, lab t <> Clean x) /\
  (forall p x, lab t <> Pin_it p x) /\
  (forall p late, lab t = Put p late -> place (run t) p <> Pin).

(* What equal words mean: see calm_by_version and calm_by_mark. *)
Definition unchanged := forall x t, In x members -> r x <= t < c x ->
  touch (lab t) (run t) <> Some x.

Section Calm.
Hypothesis calm : unchanged.

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
  In e seen /\ r x <= seen_at e < c x /\
  (forall t, seen_at e <= t <= c x -> target (run t) (it e) = x /\
     later (Slot (owner e) (index e)) (place (run t) (it e))).
Proof.
  intros Hx He. apply filter_In in He as [He G]. apply Nat.eqb_eq in G.
  destruct (edges_next e He) as (_ & _ & P & _ & R & A). rewrite G in R.
  destruct (condemning x Hx) as [C _]. split; [auto|]. split; [lia|].
  intros t Ht. rewrite <- P. apply later_calm; auto; try lia. congruence.
Qed.

Lemma is_edge e : In e seen -> let x := target (run (seen_at e)) (it e) in
  In x members /\ In e (edges x).
Proof.
  intros He x. destruct (edges_next e He) as (_ & Hx & _). split; auto.
  apply filter_In. split; auto. apply Nat.eqb_refl.
Qed.

Lemma same_slot x e e' : In x members -> In e (edges x) -> In e' (edges x) ->
  it e = it e' -> owner e = owner e' /\ index e = index e'.
Proof.
  assert (H : forall e e', In x members -> In e (edges x) -> In e' (edges x) ->
    it e = it e' -> seen_at e <= seen_at e' ->
    owner e = owner e' /\ index e = index e'). {
    clear e e'. intros e e' Hx He He' E T.
    destruct (edge_to x e Hx He) as (_ & _ & L).
    destruct (edge_to x e' Hx He') as (I & C & _).
    destruct (edges_next e' I) as (_ & _ & P & _).
    destruct (L (seen_at e')) as [_ (_ & _ & _ & D & _)]; [lia|].
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
    destruct (edge_to x e Hx I) as (J & C & L).
    destruct (L (c x)) as [G (A & B & _)]; [lia|].
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

(* What refers to X at any time from r(X) to c(X). *)
Lemma accounted x p t : In x members -> r x <= t <= c x ->
  place (run t) p <> Nowhere -> target (run t) p = x ->
  place (run t) p = Pin \/ exists e, In e (edges x) /\ it e = p /\
    (seen_at e <= t -> later (Slot (owner e) (index e)) (place (run t) p)) /\
    (t <= seen_at e -> later (place (run t) p) (Slot (owner e) (index e))).
Proof.
  intros Hx Ht Hp Hg.
  assert (L : forall t', t <= t' <= c x -> target (run t') p = x /\
    later (place (run t) p) (place (run t') p)) by
    (intros t' ?; apply later_calm; auto; lia).
  destruct (L (c x)) as [G (A & B & _)]; [lia|].
  destruct (all_accounted x p Hx (A Hp) G) as [Q|(e & I & <-)]; [tauto|].
  right. destruct (edge_to x e Hx I) as (J & C & L').
  exists e. repeat apply conj; auto.
  - intro T. apply L'. lia.
  - intro T. destruct (edges_next e J) as (_ & _ & <- & _). apply L. lia.
Qed.

(* (2) and (3): no edge seen has been removed; a member condemned has no other
   references. *)
Definition in_place t := forall e, In e seen ->
  place (run t) (it e) = Slot (owner e) (index e).
Definition shut t := forall x, In x members -> c x < t ->
  count (run t) x <> 0 /\ forall p, place (run t) p <> Nowhere ->
  target (run t) p = x -> place (run t) p = Pin \/ exists e, In e seen /\ it e = p.

Lemma valid_at x t : In x members -> r x <= t <= c x -> count (run t) x <> 0.
Proof. intros Hx T. rewrite count_calm; auto. Qed.

Section Instant.
Variable t : time.
Hypothesis read : all_read <= t.
Hypothesis SH : shut t.

(* Who is held, is held from outside: before c(X), by (1), by an edge seen that
   is in somebody's hands, which it cannot be without a touch. *)
Lemma nobody_holds o chain : In o members ->
  (forall x, In x members -> t <= c x) -> holds (run t) None chain o = false.
Proof.
  intros Ho C. destruct (holds (run t) None chain o) eqn:H; auto. exfalso.
  destruct chain as [|p rest]; [discriminate|]. simpl in H.
  destruct (place (run t) p) eqn:P; try discriminate.
  destruct (leads_out _ _ _ _ _ H Ho) as [I|(q & a & i & Q & N & I)].
  - destruct (accounted _ p t I) as [Q|(e & J & _ & B & A)]; auto; try congruence.
    { pose proof (r_first _ I). split; auto. lia. }
    destruct (edge_to _ e I J) as (K & _). destruct (edges_next e K) as (_ & _ & _ & _ & _ & L).
    destruct B as (_ & _ & _ & _ & B & _); [lia|]. specialize (B P). discriminate.
  - destruct (accounted _ q t I) as [R|(e & J & _ & B & A)]; auto; try congruence.
    { pose proof (r_first _ I). split; auto. lia. }
    destruct (edge_to _ e I J) as (K & _). destruct (edges_next e K) as (O & _ & _ & _ & _ & L).
    destruct B as (_ & _ & _ & B & _); [lia|].
    destruct (B _ _ Q) as [E|]; [|discriminate]. injection E as E _.
    apply N. now rewrite <- E.
Qed.

Hypothesis IP : in_place t.

Lemma exists_now x p : In x members -> place (run t) p <> Nowhere ->
  target (run t) p = x -> place (run t) p = Pin \/
  exists e, In e seen /\ it e = p /\ place (run t) p = Slot (owner e) (index e).
Proof.
  intros Hx Hp Hg. destruct (Nat.lt_ge_cases (c x) t) as [T|T].
  - destruct (SH x Hx T) as [_ A]. destruct (A p Hp Hg) as [|(e & I & <-)]; auto.
    right. eauto.
  - pose proof (r_first x Hx).
    destruct (accounted x p t) as [|(e & I & <- & _)]; auto; [lia|].
    right. destruct (edge_to x e Hx I) as (J & _). eauto.
Qed.

Lemma not_held own chain o : In o members -> holds (run t) own chain o = false.
Proof.
  intro Ho. destruct (holds (run t) own chain o) eqn:H; auto. exfalso.
  destruct chain as [|p rest]; [discriminate|]. simpl in H.
  assert (L : leads (run t) (target (run t) p) rest o = true ->
    place (run t) p = Pin \/ exists o i, place (run t) p = Slot o i). {
    intro L. destruct (leads_out _ _ _ _ _ L Ho) as [I|(q & a & i & P & N & I)].
    - destruct (place (run t) p) eqn:P; eauto; try discriminate;
      destruct (exists_now _ p I) as [|(e & _ & _ & E)]; auto; congruence.
    - destruct (exists_now _ q I) as [|(e & J & _ & E)]; auto; try congruence.
      rewrite P in E. injection E as E _. destruct N. rewrite E.
      now apply edges_next. }
  destruct (place (run t) p) eqn:P; try discriminate.
  - destruct L as [|(? & ? & ?)]; auto; congruence.
  - destruct own as [n|]; [|discriminate]. apply andb_true_iff in H as [_ H].
    destruct L as [|(? & ? & ?)]; auto; congruence.
Qed.

Lemma valid_now x : In x members -> count (run t) x <> 0.
Proof.
  intro Hx. destruct (Nat.lt_ge_cases (c x) t) as [T|T].
  - now apply SH.
  - pose proof (r_first x Hx). apply valid_at; auto. lia.
Qed.

(* No slot of a member is edited. *)
Lemma not_edited o i new old chain :
  In o members -> lab t <> Xchg o i new old chain /\ forall p, lab t <> Clear o i p.
Proof.
  intro Ho. destruct (runs t) as [K _]. split; [intro L | intros p L];
    rewrite L in K; simpl in K.
  - now rewrite not_held in K.
  - apply andb_true_iff in K as [K _]. apply Nat.eqb_eq in K.
    now apply (valid_now _ Ho).
Qed.

Lemma stays_in_place : in_place (S t).
Proof.
  intros e He. destruct (edges_next e He) as (Ho & _).
  destruct (slot_step _ _ _ _ _ _ (runs t) (IP e He))
    as [|[(new & chain & L)|L]]; auto; exfalso.
  - now apply (not_edited (owner e) (index e) new (Some (it e)) chain).
  - now apply (not_edited (owner e) (index e) None None []) in L.
Qed.

Lemma stays_shut : t < the_end -> shut (S t).
Proof.
  intros He x Hx T.
  destruct (condemning x Hx) as (_ & Tr & L). split.
  - intro Z. destruct (Nat.eq_dec (c x) t) as [E|N].
    + destruct (runs t) as [_ F]. rewrite <- E, L in F. rewrite <- E, F in Z.
      simpl in Z. rewrite E in Z. now apply (valid_now x Hx).
    + destruct (count_step _ _ _ _ (runs t) (valid_now x Hx) Z)
        as (p & late & P & G & Hp).
      destruct (runs t) as [K _]. rewrite P in K. simpl in K.
      destruct (quiet t) as (_ & _ & _ & _ & Q); [lia|]. specialize (Q p late P).
      destruct (exists_now x p) as [|(e & _ & _ & E)]; auto.
      unfold loose, pinned in K. rewrite E in K. discriminate.
  - intros p Hp G.
    assert (Old : place (run t) p <> Nowhere -> target (run t) p = x ->
      place (run (S t)) p = Pin \/ exists e, In e seen /\ it e = p). {
      intros Hp' G'. destruct (exists_now x p) as [P|(e & I & D & _)]; eauto.
      left. eapply pin_step; eauto. intros late F.
      destruct (Nat.eq_dec (c x) t) as [E|N]; [congruence|].
      destruct (quiet t) as (_ & _ & _ & _ & Q); [lia|]. now apply (Q p late). }
    destruct (born _ _ _ p (runs t) Hp) as [[Hp' G']|[Hp' B]]; [apply Old; congruence|].
    rewrite G in B. exfalso.
    destruct (runs t) as [K _]. destruct B as [(chain & fly & B)|[B|[B|B]]];
      rewrite B in K; simpl in K.
    + rewrite not_held, andb_false_r in K; auto. discriminate.
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

Lemma shut_first : shut all_read.
Proof. intros x Hx T. destruct (condemning x Hx). lia. Qed.

(* Before all has been read: who removes an edge seen has to hold its owner until
   then (M3), or gives the owner itself a slot that was read. *)
Lemma in_place_first : in_place all_read.
Proof.
  intros e He. destruct (edges_next e He) as (Ho & Hy & P & Ro & Ry & A).
  destruct (is_edge e He) as [_ E]. destruct (edge_to _ e Hy E) as (_ & C & L).
  set (y := target (run (seen_at e)) (it e)) in *.
  destruct (condemning y Hy) as [Cy _].
  destruct (condemning _ Ho) as [Co _].
  enough (G : forall t, seen_at e <= t -> t <= all_read ->
              place (run t) (it e) = Slot (owner e) (index e)) by auto.
  intros t Ht. induction Ht as [|t Ht IH]; intro T; auto.
  destruct (slot_step _ _ _ _ _ _ (runs t) (IH ltac:(lia)))
    as [|[(new & chain & X)|X]]; auto; exfalso; destruct (runs t) as [K F];
    rewrite X in K, F; simpl in K, F.
  - apply andb_true_iff in K as [K _]. apply andb_true_iff in K as [_ K].
    assert (Kept : place (run (S t)) (it e) = Removed (owner e) true -> False). {
      intro G. destruct (L (S t)) as [Gy _]; [lia|].
      destruct (later_calm y (it e) (S t) all_read) as [_ (_ & _ & _ & _ & _ & D)];
        auto; try lia; try congruence.
      destruct (until all_read (it e) (owner e)) as [chain' H].
      { now apply D. }
      rewrite nobody_holds in H; auto; try discriminate.
      intros x Hx. destruct (condemning x Hx). lia. }
    assert (G : forall f s, place (move s (it e) (Removed (owner e) f)) (it e) =
                Removed (owner e) f) by
      (intros; simpl; unfold upd; now rewrite Nat.eqb_refl).
    destruct new as [n|]; [|apply Kept; now rewrite F, G].
    destruct (target (run t) n =? owner e) eqn:N; simpl in F;
      [|apply Kept; now rewrite F, G].
    apply Nat.eqb_eq in N. simpl in K. unfold flying in K.
    destruct (place (run t) n) eqn:Pn; try discriminate.
    assert (n <> it e) by (intros ->; rewrite IH in Pn by lia; discriminate).
    assert (Q : place (run (S t)) n = Slot (owner e) (index e) /\
                target (run (S t)) n = owner e). {
      rewrite F. simpl. unfold upd.
      destruct (n =? it e) eqn:D; [apply Nat.eqb_eq in D; congruence|].
      now rewrite Nat.eqb_refl. }
    destruct Q as [Q1 Q2].
    destruct (accounted (owner e) n (S t)) as [|(e' & I & M & _ & After)];
      auto; try lia; try congruence.
    destruct (edge_to _ e' Ho I) as (J & _ & L').
    destruct (Nat.lt_ge_cases t (seen_at e')) as [T'|T'].
    + destruct After as (_ & _ & _ & D & _); [lia|].
      destruct (D _ _ eq_refl) as [D'|D']; [|congruence].
      rewrite Q1 in D'. injection D' as ? ?.
      assert (e = e') by (apply one_edge; auto). subst. lia.
    + destruct (L' t) as [_ (_ & _ & D & _)]; [lia|].
      rewrite M in D. specialize (D Pn). discriminate.
  - apply andb_true_iff in K as [K _]. apply Nat.eqb_eq in K.
    apply (valid_at (owner e) t) in K; auto. lia.
Qed.

Lemma from_then_on t : all_read <= t -> t <= the_end -> in_place t /\ shut t.
Proof.
  intros Ht. induction Ht as [|t Ht IH]; intro He.
  - split; [apply in_place_first | apply shut_first].
  - destruct IH as [IP SH]; [lia|].
    split; [apply stays_in_place | apply stays_shut]; auto; lia.
Qed.

Definition closed := forall p, In (target (run the_end) p) members ->
  place (run the_end) p <> Nowhere -> place (run the_end) p = Pin \/
  exists e, In e seen /\ it e = p /\
            place (run the_end) p = Slot (owner e) (index e).

Theorem closed_if_calm : closed.
Proof.
  intros p Hx Hp. destruct (condemning _ Hx) as ([W E] & _ & _).
  destruct (from_then_on the_end) as [IP SH]; try lia.
  apply (exists_now the_end) with (x := target (run the_end) p); auto. lia.
Qed.

(* Once all has been read the slots of members hold what they hold in the end.
   So it does not matter when each is counted: if there are as many that are not
   empty as edges were seen, these are the edges, and none leads out. *)
Lemma same_slots_if_calm t p : all_read <= t -> t <= the_end ->
  forall o i, In o members ->
  (place (run t) p = Slot o i <-> place (run all_read) p = Slot o i).
Proof.
  intros Ht. induction Ht as [|t Ht IH]; intros He o i Ho; [tauto|].
  rewrite <- IH by (auto; lia). clear IH.
  destruct (from_then_on t) as [IP SH]; try lia.
  pose proof (not_edited t Ht SH IP o i) as E. split; intro P.
  - destruct (slot_filled _ _ _ _ _ _ (runs t) P) as [|(old & chain & L)]; auto.
    exfalso. now apply (E (Some p) old chain).
  - destruct (slot_step _ _ _ _ _ _ (runs t) P) as [|[(new & chain & L)|L]]; auto;
      exfalso.
    + now apply (E new (Some p) chain).
    + now apply (E None None []) in L.
Qed.

Definition in_member s p o i := In o members /\ place s p = Slot o i.

Lemma nothing_leads_out_if_calm (k : obj -> nat -> time) l :
  (forall o i, all_read <= k o i <= the_end) -> NoDup l ->
  (forall p, In p l <-> exists o i, in_member (run (k o i)) p o i) ->
  length l = length seen ->
  forall p o i, in_member (run the_end) p o i -> In (target (run the_end) p) members.
Proof.
  intros K N A E p o i Hp. destruct (condemning o (proj1 Hp)) as ([W W'] & _).
  destruct (from_then_on the_end) as [IP SH]; try lia.
  assert (Late : forall q o i, in_member (run the_end) q o i -> In q l). {
    intros q o' i' [Ho P]. apply A. exists o', i'. split; auto.
    destruct (K o' i'). apply same_slots_if_calm; auto.
    apply (same_slots_if_calm the_end); auto. lia. }
  assert (I : incl (map it seen) l). {
    intros q I. apply in_map_iff in I as (e & <- & I).
    apply (Late _ (owner e) (index e)). split; auto. now apply edges_next. }
  assert (N' : NoDup (map it seen)). {
    apply NoDup_by with (g := fun e => (owner e, index e)); auto.
    intros a b Ia Ib F. pose proof (IP a Ia) as Pa. pose proof (IP b Ib) as Pb.
    rewrite F, Pb in Pa. injection Pa as -> ->. auto. }
  assert (J : In p (map it seen)). {
    refine (NoDup_length_incl N' _ I p (Late _ _ _ Hp)).
    rewrite map_length. lia. }
  apply in_map_iff in J as (e & <- & J).
  destruct (edges_next e J) as (_ & Hy & _ & _ & _ & B).
  set (y := target (run (seen_at e)) (it e)) in *.
  assert (T : forall t, seen_at e <= t -> t <= the_end ->
              target (run t) (it e) = y). {
    intros t Ht. induction Ht as [|t Ht IHt]; intro; auto.
    rewrite <- IHt by lia. eapply target_stays; [apply runs|].
    destruct (Nat.le_gt_cases t all_read) as [M|M].
    - destruct (is_edge e J) as [_ Ee].
      destruct (edge_to _ e Hy Ee) as (_ & C & L).
      destruct (condemning _ Hy) as [Cy _].
      destruct (L t) as [_ (G & _)]; [split; auto; lia|]. apply G. discriminate.
    - destruct (from_then_on t) as [IP' _]; try lia. rewrite IP'; auto.
      discriminate. }
  rewrite T; auto. lia.
Qed.
End Calm.

(* The rule as it stands: the versions are equal. *)
Lemma version_up x a b : a <= b -> version (run a) x <= version (run b) x.
Proof.
  intro H. induction H as [|b H IH]; auto.
  rewrite IH. eapply version_grows, runs.
Qed.

Lemma calm_by_version :
  (forall x, In x members -> version (run (c x)) x = version (run (r x)) x) ->
  unchanged.
Proof.
  intros V x t Hx Ht T. specialize (V x Hx).
  pose proof (version_touch _ _ _ _ (runs t) T).
  pose proof (version_up x (r x) t). pose proof (version_up x (S t) (c x)). lia.
Qed.

Theorem closed_by_version :
  (forall x, In x members -> version (run (c x)) x = version (run (r x)) x) ->
  closed.
Proof. intro V. apply closed_if_calm, calm_by_version, V. Qed.

(* A version that wraps: it is compared but for multiples of [wrap].  MARKED and
   FRESH are clear at both readings, and the counts compared add up to the
   edges.  Between the readings fewer than half of [wrap] late puts go to a
   member: one for each thread at most. *)
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

Definition late_put t x := match lab t with
  Put p true => target (run t) p =? x | _ => false end.
Fixpoint late_puts x a n := match n with
  | 0 => 0
  | S n => late_puts x a n + if late_put (a + n) x then 1 else 0
  end.

Definition same_by_mark wrap x := marked (run (c x)) x = false /\
  version (run (c x)) x mod wrap = version (run (r x)) x mod wrap /\
  2 * late_puts x (r x) (c x - r x) < wrap /\
  forall t, r x <= t < c x -> lab t <> Clean x /\ forall p, lab t <> Pin_it p x.

Lemma late_puts_few x a n :
  late_puts x a n + version (run a) x <= version (run (a + n)) x.
Proof.
  induction n as [|n IH]; [now rewrite Nat.add_0_r|].
  cbn [late_puts]. rewrite Nat.add_succ_r.
  pose proof (version_grows _ _ _ x (runs (a + n))) as G.
  destruct (late_put (a + n) x) eqn:L; [|lia].
  enough (version (run (a + n)) x < version (run (S (a + n))) x) by lia.
  apply (version_touch _ _ _ _ (runs (a + n))). unfold late_put in L.
  destruct (lab (a + n)); try discriminate. destruct late; [|discriminate].
  apply Nat.eqb_eq in L. simpl. congruence.
Qed.

(* Each change of the version was a get or a late put. *)
Lemma gets_and_late_puts wrap x : same_by_mark wrap x -> r x <= c x ->
  count (run (c x)) x + 2 * late_puts x (r x) (c x - r x) + version (run (r x)) x =
  count (run (r x)) x + version (run (c x)) x.
Proof.
  intros (M & _ & _ & Q) Le.
  assert (Unmarked : forall t, r x <= t <= c x -> marked (run t) x = false). {
    intros t [Hr Hc]. destruct (marked (run t) x) eqn:D; auto. rewrite <- M. symmetry.
    assert (K : forall b, t <= b -> b <= c x -> marked (run b) x = true); [|auto].
    intros b H. induction H as [|b H IH]; auto. intro B.
    destruct (Q b) as [Q' _]; [lia|].
    eapply mark_stays; [apply runs | exact Q' | apply IH; lia]. }
  enough (A : forall n, r x + n <= c x ->
    count (run (r x + n)) x + 2 * late_puts x (r x) n + version (run (r x)) x =
    count (run (r x)) x + version (run (r x + n)) x). {
    specialize (A (c x - r x)). replace (r x + (c x - r x)) with (c x) in A by lia.
    apply A. lia. }
  induction n as [|n IH]; intro H; [rewrite (Nat.add_0_r (r x)); cbn [late_puts]; lia|].
  specialize (IH ltac:(lia)). rewrite Nat.add_succ_r in *. set (t := r x + n) in *.
  assert (L : late_puts x (r x) (S n) =
              late_puts x (r x) n + if late_put t x then 1 else 0) by reflexivity.
  rewrite L. clear L.
  assert (Other : touch (lab t) (run t) <> Some x ->
    count (run (S t)) x + 2 * (late_puts x (r x) n + (if late_put t x then 1 else 0)) +
    version (run (r x)) x = count (run (r x)) x + version (run (S t)) x). {
    intro T. rewrite (count_same _ _ _ x (runs t) T), (version_same _ _ _ x (runs t) T).
    replace (late_put t x) with false; [cbv iota; lia|]. unfold late_put.
    destruct (lab t) eqn:E; auto. destruct late; auto. simpl in T.
    symmetry. apply Nat.eqb_neq. congruence. }
  destruct (touch (lab t) (run t)) as [y|] eqn:T; [|apply Other; congruence].
  destruct (Nat.eq_dec y x) as [->|N]; [|apply Other; congruence].
  destruct (touch_unmarked _ _ _ _ (runs t) T) as [V [G|(p & E & G & P & C)]];
    [apply Unmarked; lia | apply Q; lia | |].
  - replace (late_put t x) with false; [cbv iota; lia|]. unfold late_put.
    destruct (lab t) eqn:E; auto. destruct late; auto. simpl in T.
    injection T as T. rewrite T, Nat.eqb_refl.
    assert (Z : count (run (S t)) x = pred (count (run t) x)). {
      destruct (runs t) as [_ F]. rewrite E in F. rewrite F. simpl. unfold upd.
      now rewrite T, Nat.eqb_refl. }
    lia.
  - unfold late_put. rewrite E, G, Nat.eqb_refl.
    assert (1 <= count (run t) x). {
      apply (always_counted t x [p]). split; [constructor; auto; constructor|].
      intros q [<-|[]]. auto. }
    lia.
Qed.

Lemma calm_by_mark wrap : (forall x, In x members -> same_by_mark wrap x) ->
  sum (fun x => count (run (c x)) x) members =
  sum (fun x => length (edges x) + length (pins x)) members -> unchanged.
Proof.
  intros B E.
  assert (Le : forall x, In x members -> r x <= c x). {
    intros y Hy. destruct (condemning y Hy) as [? _]. pose proof (r_first y Hy). lia. }
  assert (Few : forall x, In x members -> late_puts x (r x) (c x - r x) +
    version (run (r x)) x <= version (run (c x)) x). {
    intros x Hx. pose proof (late_puts_few x (r x) (c x - r x)) as F.
    replace (r x + (c x - r x)) with (c x) in F; auto. specialize (Le x Hx). lia. }
  assert (Round : forall x, In x members ->
    version (run (c x)) x = version (run (r x)) x \/
    version (run (r x)) x + wrap <= version (run (c x)) x). {
    intros x Hx. destruct (B x Hx) as (_ & V & _ & _).
    pose proof (version_up x (r x) (c x) (Le x Hx)) as G. revert V G.
    generalize (version (run (c x)) x), (version (run (r x)) x). intros a b V G.
    destruct (Nat.eq_dec wrap 0) as [->|Z]; [simpl in V; lia|].
    pose proof (Nat.div_mod a wrap Z). pose proof (Nat.div_mod b wrap Z).
    rewrite V in *.
    destruct (Nat.lt_trichotomy (a / wrap) (b / wrap)) as [D|[D|D]].
    - assert (wrap * (a / wrap) < wrap * (b / wrap)) by
        (apply Nat.mul_lt_mono_pos_l; lia). lia.
    - rewrite D in *. lia.
    - assert (wrap * S (b / wrap) <= wrap * (a / wrap)) by
        (apply Nat.mul_le_mono_l; lia). lia. }
  assert (Eq : forall x, In x members ->
    count (run (c x)) x = length (edges x) + length (pins x)). {
    apply sum_equal; auto. intros x Hx. rewrite <- closed_in by auto.
    pose proof (gets_and_late_puts wrap x (B x Hx) (Le x Hx)). pose proof (Few x Hx).
    destruct (B x Hx) as (_ & _ & W & _). destruct (Round x Hx); lia. }
  apply calm_by_version. intros x Hx. specialize (Eq x Hx).
  rewrite <- closed_in in Eq by auto.
  pose proof (gets_and_late_puts wrap x (B x Hx) (Le x Hx)).
  destruct (B x Hx) as (_ & _ & W & _). destruct (Round x Hx); lia.
Qed.

Theorem closed_by_mark wrap : (forall x, In x members -> same_by_mark wrap x) ->
  sum (fun x => count (run (c x)) x) members =
  sum (fun x => length (edges x) + length (pins x)) members -> closed.
Proof. intros B E. eapply closed_if_calm, calm_by_mark; eauto. Qed.

(* Reclaiming without a look at the edges: refisland_condemn_seen(). *)
Theorem nothing_leads_out : unchanged ->
  forall (k : obj -> nat -> time) l,
  (forall o i, all_read <= k o i <= the_end) -> NoDup l ->
  (forall p, In p l <-> exists o i, in_member (run (k o i)) p o i) ->
  length l = length seen ->
  forall p o i, in_member (run the_end) p o i -> In (target (run the_end) p) members.
Proof. intros C. now apply nothing_leads_out_if_calm. Qed.
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
  See 1; Force (Xchg 0 0 None (Some 1) []); Do (Xchg 0 1 (Some 0) None [0]);
  See 0; Again 0; Again 1]) 1 = true.
Proof. reflexivity. Qed.

(* M3 broken: who has taken 1 out of a slot of 0, which he held by way of 2, has
   put that before he does anything about 1, and before a trace reads 2. *)
Definition ring_of_three := [Do (Alloc 2 0); Do (Alloc 1 1); Do (Alloc 4 2);
  Do (Get 3 2 [4] true); Do (Xchg 1 0 (Some 3) None [1]);
  Do (Fly 1); Do (Xchg 0 0 (Some 1) None [2]);
  Do (Fly 2); Do (Xchg 2 0 (Some 2) None [4])].
Definition remove := Do (Xchg 0 0 None (Some 1) [4; 2]).
Definition begin_trace := ring_of_three ++ [Read 0; Read 1; See 1].
Definition end_trace := [Read 2; See 3; See 2; Again 0; Again 1; Again 2].
Example until_broken : fails 1 true
  (begin_trace ++ [remove; Do (Put 4 false)] ++ end_trace) 1 = true.
Proof. reflexivity. Qed.
Example until_kept : fails 1 true
  (begin_trace ++ [remove; Do (Take 1); Do (Put 4 false)] ++ end_trace) 1 = false.
Proof. reflexivity. Qed.
Example until_read : fails 1 true
  (begin_trace ++ [remove] ++ end_trace ++ [Do (Put 4 false)]) 1 = false.
Proof. reflexivity. Qed.
Example ring_traced : good (fold_left (act 1 true)
  (ring_of_three ++ [Do (Put 4 false); Read 0; Read 1; See 1] ++ end_trace) start) = true.
Proof. reflexivity. Qed.

(* The same of a move.  1 is held by way of 4 to 3 only, and 4 is moved into a
   slot of it, in place of 0: now nobody holds 1.  Another moves 4 on to 2, which
   he holds, and puts that; then the trace reads 2 and 3.  Every step is allowed
   but for "keeps", and nobody has been careless with what he holds. *)
Example until_broken_by_move : fails 1 true [Do (Alloc 0 0); Do (Alloc 6 1);
  Do (Alloc 1 2); Do (Alloc 4 3); Do (Get 5 2 [1] false);
  Do (Fly 0); Do (Xchg 1 0 (Some 0) None [6]);
  Do (Fly 1); Do (Xchg 0 0 (Some 1) None [6; 0]);
  Do (Get 3 1 [6] true); Do (Xchg 3 0 (Some 3) None [4]);
  Do (Fly 6); Do (Xchg 2 1 (Some 6) None [5]);
  Read 0; Read 1; See 0;
  Do (Fly 4); Do (Xchg 1 0 (Some 4) (Some 0) [4; 3]);
  Do (Xchg 1 0 None (Some 4) [5; 6]); Do (Fly 4);
  Do (Xchg 2 0 (Some 4) None [5]); Do (Put 5 false);
  Read 2; See 1; See 6; Read 3; See 4; See 3;
  Again 0; Again 1; Again 2; Again 3] 0 = true.
Proof. reflexivity. Qed.

(* M1 broken: the edge is there before its count. *)
Example M1_broken : fails 1 true [Do (Alloc 0 0);
  Force (Xchg 0 0 (Some 1) None [0]); Read 0; See 1; Again 0] 0 = true.
Proof. reflexivity. Qed.

(* A count of zero accepted: the releaser of 0 holds nothing, and empties it. *)
Example zero_accepted : fails 1 true (chain_of_two ++ [Do (Put 0 false); Read 0; Read 1;
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
  Do (Xchg 0 0 None (Some 1) [0]); Do (Put 1 false); Read 0; Again 0]) 0 = true.
Proof. reflexivity. Qed.
Example word_before_slots : fails 1 true (own_slot ++ [Read 0; See 1;
  Do (Xchg 0 0 None (Some 1) [0]); Do (Put 1 false); Again 0]) 0 = false.
Proof. reflexivity. Qed.

(* A trace comes upon 1 by an edge, and does not read that again behind 1's
   word. *)
Definition two_held := [Do (Alloc 0 0); Do (Alloc 1 1); Do (Get 3 1 [1] false);
  Do (Fly 1); Do (Xchg 0 0 (Some 1) None [0]);
  Do (Fly 0); Do (Xchg 1 0 (Some 0) None [3])].
Definition cut := [Do (Xchg 0 0 None (Some 1) [3; 0]); Do (Put 1 false)].
Example edge_not_read_again : fails 1 true (two_held ++ [Read 0; See 1] ++ cut ++
  [Read 1; See 0; Again 0; Again 1]) 3 = true.
Proof. reflexivity. Qed.
Example edge_read_again : fails 1 true (two_held ++ [Read 0] ++ cut ++
  [Read 1; See 0; Again 0; Again 1]) 3 = false.
Proof. reflexivity. Qed.

(* A slot of 0 is filled when it has been read, by way of 1, which has not: dead
   they are, but a reference leads out, and nobody has seen it. *)
Definition filled := fold_left (act 1 true) (two_held ++ [Do (Alloc 4 2); Read 0;
  Do (Fly 4); Do (Xchg 0 1 (Some 4) None [3; 0]); Do (Put 3 false);
  Read 1; See 1; See 0; Again 0; Again 1]) start.
Example slot_filled_late : good filled = true /\ place (now filled) 4 = Slot 0 1.
Proof. split; reflexivity. Qed.

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
    (c := fun _ => 4) (pins := fun _ => []) (all_read := 3) (tried := 3).
  all: try (intros x [<-|[]]; simpl; repeat split; auto; try lia; fail).
  - intro t. split; [|reflexivity]. do 6 (destruct t; [reflexivity|]).
    now destruct t.
  - intros x l [N E]. destruct l as [|q l]; simpl; auto.
    now destruct (E q (or_introl eq_refl)).
  - intros t p o. assert (H : t <= 5 \/ state_at t = state_at 6). {
      destruct (Nat.le_gt_cases t 5) as [|G]; [auto | right].
      induction G as [|t G IH]; [reflexivity|]. simpl. rewrite IH.
      unfold script_at. rewrite nth_overflow; [reflexivity | simpl; lia]. }
    assert (K : forall t, t <= 6 -> place (state_at t) p <> Removed o true). {
      intros t' L. do 7 (destruct t' as [|t']; [now destruct p|]). lia. }
    intro P. destruct H as [H|H]; [destruct (K t); auto|].
    rewrite H in P. destruct (K 6); auto.
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
Print Assumptions nothing_leads_out.
