FROM node:20.20.2-bookworm-slim AS base
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

FROM base AS build
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
RUN npm run build

FROM base AS packages
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:20.20.2-bookworm-slim
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
