# Another base, for a mirror or for a build without a registry: --build-arg NODE_IMAGE=…
ARG NODE_IMAGE=node:24.21.0-trixie-slim@sha256:8ec5d7557396cfe32d21c3f9c13072355ceab22b584578ca4bb28af31120cffe

# The stages that run commands run on the machine that builds. They make JavaScript only, which every architecture runs.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/finish-build.js scripts/
COPY src src
RUN npm run build && find dist -type f \( -name '*.map' -o -name '*.d.ts' \) -delete

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# What runs needs no compiler (an optional peer of a package), no types, no source maps and no tests of packages. BullMQ only
# packs, and msgpackr-extract is for unpacking. The last line fails where a package has code for one architecture alone.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
    && rm -rf node_modules/.bin node_modules/typescript node_modules/@typescript \
    && find node_modules -type d -name '*msgpackr-extract*' -prune -exec rm -r {} + \
    && find node_modules -type d \( -name test -o -name tests -o -name docs -o -name 'example*' -o -name 'benchmark*' \) -prune -exec rm -r {} + \
    && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.?ts' \) -delete \
    && ! find node_modules -type f \( -name '*.node' -o -name '*.so' -o -perm -u=x -size +1M \) | grep .

# Only copies, so that an image for another architecture needs no emulation.
FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="dropship-product-finder" \
      org.opencontainers.image.description="Answers eBay product searches for other services, within eBay's call limits" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="0.2.0"
ENV NODE_ENV=production
WORKDIR /app
COPY LICENSE package.json ./
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY config config
COPY schemas schemas
COPY public public
# A numeric user shows an orchestrator that it is not root. The process writes nothing but its health socket, so the root file
# system may be read-only, with a tmpfs at /tmp.
USER 10001:10001
# Whatever command the container runs, its process answers here as long as it is alive. Redis need not answer for that.
ENV HEALTH_SOCKET=/tmp/dpf.sock
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["perl", "config/livez.pl"]
# On SIGTERM a worker finishes or hands back its jobs within SHUTDOWN_GRACE.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "dist/main.js"]
CMD ["worker"]
