-- Every model version with its held-out quality, and what it gained over its parent (dB and SSIM).
-- Who: service_role and postgres see all projects, a signed-in user their own.
--
--   project_id | version | parent_version | method   | promoted | num_gaussians | psnr  | psnr_gain | ssim  | ssim_gain
--   1b2c…      | 0       |                | generate | false    | 104233        | 24.10 |           | 0.781 |
--   1b2c…      | 1       | 0              | refine   | true     | 118020        | 25.32 | 1.22      | 0.803 | 0.022
select
    m.project_id, m.version, m.parent_version, m.method, m.promoted, m.num_gaussians,
    round(m.psnr::numeric, 2) as psnr,
    round((m.psnr - parent.psnr)::numeric, 2) as psnr_gain,
    round(m.ssim::numeric, 3) as ssim,
    round((m.ssim - parent.ssim)::numeric, 3) as ssim_gain
from public.gaussian_splat_models m
left join public.gaussian_splat_models parent
    on parent.project_id = m.project_id and parent.version = m.parent_version
order by m.project_id, m.version;
