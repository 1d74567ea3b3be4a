/** Each query finds what must not be after a rollout: docs/rollouts.md has the promises. */
export const rolloutImpossible: readonly string[] = [
  `select 'rollout ' || id || ' is still ' || state as what from rollout
    where state not in ('succeeded', 'failed', 'aborted', 'superseded')`,
  `select practice_id || ' is still ' || state || ' in rollout ' || rollout_id as what from rollout_target
    where state in ('pending', 'updating', 'baking')`,
  `select target.practice_id || ' is ' || target.state || ' in its rollout and nothing says why' as what from rollout_target target
    where target.state in ('failed', 'rolled_back', 'skipped', 'missed') and target.note is null`,
  // Steps, for a run that is tried again is older than what came between.
  `select distinct one.practice_id || ' was worked on by runs ' || one.id || ' and ' || other.id || ' at the same time' as what
    from run one join run other on other.practice_id = one.practice_id and other.id > one.id
    join run_step a on a.run_id = one.id join run_step b on b.run_id = other.id
    where a.started_at < b.finished_at and b.started_at < a.finished_at`,
  `select target.practice_id || ' has a run in rollout ' || rollout.id || ' that is not its update: ' || run.id as what
    from rollout_target target join rollout on rollout.id = target.rollout_id join run on run.id = target.run_id
    where run.practice_id <> target.practice_id or run.workflow <> 'update-practice' or run.input ->> 'releaseId' <> rollout.release_id`,
  `select target.practice_id || ' counts as ' || target.state || ' and run ' || run.id || ' is ' || run.state as what
    from rollout_target target join run on run.id = target.run_id
    where target.state = 'succeeded' and run.state <> 'succeeded'`,
  `select target.practice_id || ' went back by run ' || coalesce(back.id::text, 'none') || ', which is ' || coalesce(back.state, 'nothing') as what
    from rollout_target target left join run back on back.id = target.roll_back_run_id
    where target.state = 'rolled_back' and (back.state = 'succeeded' and back.workflow = 'roll-back-practice'
      and back.input ->> 'releaseId' = target.previous_release_id) is not true`,
  `select target.practice_id || ' was brought from ' || before.id || ' back to ' || after.id || ' by an update of its rollout' as what
    from rollout_target target join rollout on rollout.id = target.rollout_id
    join release after on after.id = rollout.release_id join release before on before.id = target.previous_release_id
    where target.run_id is not null and before.ordinal >= after.ordinal`,
  // Each change of a rollout is a revision.
  `select 'rollout ' || rollout.id || ' has revision ' || revision || ' and ' || count(audit.seq) || ' rows that tell of one' as what
    from rollout left join audit on audit.subject_type = 'rollout' and audit.subject_id = rollout.id::text and audit.action in
      ('rollout.created', 'rollout.started', 'rollout.paused', 'rollout.resumed', 'rollout.aborted', 'rollout.superseded',
       'rollout.succeeded', 'rollout.failed')
    group by rollout.id having count(audit.seq) <> revision`,
  `select target.practice_id || ' is ' || target.state || ' in its rollout and ' || count(audit.seq) || ' rows tell of it' as what
    from rollout_target target left join audit on audit.subject_type = 'rollout' and audit.subject_id = target.rollout_id::text
      and audit.details ->> 'practiceId' = target.practice_id and audit.action = 'rollout.practice_' || target.state
    group by target.rollout_id, target.practice_id having count(audit.seq) <> 1`,
  `select practice.id || ' is on ' || practice.release_id || ' and was last brought to ' || last.release_id as what
    from practice join lateral (select release_id from deployment where practice_id = practice.id and state = 'succeeded'
      order by finished_at desc limit 1) last on true
    where practice.state in ('active', 'suspended') and practice.release_id <> last.release_id`,
];
