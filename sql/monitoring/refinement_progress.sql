-- What each round of refinement did to the quality of one project, oldest first.
-- Who: service_role and postgres see all projects, a signed-in user their own.
-- Needs project_id: `maquette db query refinement_progress --set project_id=…`, `psql -v project_id=…`.
--
--   version | parent_version | iteration | psnr  | ssim  | quality_before | quality_after | relative_gain | promoted
--   1       | 0              | 1         | 24.81 | 0.803 | 0.681          | 0.712         | 0.0455        | false
--   2       | 1              | 2         | 25.32 | 0.818 | 0.712          | 0.725         | 0.0183        | true
select version, parent_version, iteration, psnr, ssim, quality_before, quality_after, relative_gain, promoted
from public.refinement_progress
where project_id = :'project_id'
order by version;
